// The protocol of TensorFlow Serving's REST API, which KServe's v1 and Vertex AI's containers
// share:
//
//   POST /v1/models/NAME[/versions/V]:predict   {"instances": [...]} -> {"predictions": [...]},
//                                               {"inputs": {...}} -> {"outputs": [...]}
//   GET  /v1/models                             {"models": ["NAME"]}
//   GET  /v1/models/NAME[/versions/V]           fields of both servers at once
//   GET  /v1/models/NAME[/versions/V]/metadata  and the signature as Busker has it
//   GET  /                                      {"status": "alive"}
//
// https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/api_rest.md,
// https://kserve.github.io/website (Data Plane, V1 protocol)
#pragma once

#include "online/model_call.h"

namespace busker::online {

void AddV1Routes(Routes& routes, const Serving& serving);  // `serving` outlives the routes

// What ":predict" does, for routes of other names, too: Vertex AI says its own.
http::Response PredictV1(const Call& call, Question& question);

}  // namespace busker::online
