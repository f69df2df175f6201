// Whether a target's places in Google Cloud can be used as whoever the credentials are of.
#pragma once

#include <string>
#include <vector>

#include "doctor/report.h"
#include "service/service.h"

namespace busker::doctor {

// Whether the target has any.
bool IsInGoogleCloud(const service::Target& target);

// Asks each API that the target needs: that it answers and is enabled, that what it names is there,
// that places fit together, and that all that a run does is permitted. Makes nothing there.
void CheckGoogleCloud(const service::Service& service, const service::Target& target,
                      const std::vector<std::string>& environment, Report& report);

}  // namespace busker::doctor
