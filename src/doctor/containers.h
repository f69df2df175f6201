// Whether a target's containers can run: the engine of this machine, and the image.
#pragma once

#include <string>
#include <vector>

#include "doctor/report.h"
#include "service/service.h"

namespace busker::doctor {

// The engine that `executor` names ("docker://..."), or that Docker's own client would use. Where
// it is not `needed`, that there is none is no fault.
void CheckEngine(const std::string& executor, bool needed,
                 const std::vector<std::string>& environment, Report& report);

// That the image is on that engine (`on_engine`), or in its registry and may be had from there.
void CheckImage(const service::Target& target, const std::string& version, bool on_engine,
                const std::vector<std::string>& environment, Report& report);

}  // namespace busker::doctor
