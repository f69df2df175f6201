// The Open Inference Protocol v2 (KServe, Triton): v2_tensors.h has what is asked and answered.
//
//   GET  /v2, /v2/health/live, /v2/health/ready
//   GET  /v2/models/NAME[/versions/V], /v2/models/NAME[/versions/V]/ready
//   POST /v2/models/NAME[/versions/V]/infer
#pragma once

#include "online/model_call.h"

namespace busker::online {

void AddV2Routes(Routes& routes, const Serving& serving);  // `serving` outlives the routes

}  // namespace busker::online
