// Paths of this machine that a program in a container would not find.
#pragma once

#include <string>
#include <vector>

#include "service/fault.h"
#include "service/service.h"

namespace busker::service {

// Adds a fault for each path in the configs and commands of the service's actions that names
// something on this machine, and that an image does not have by nature: an absolute one, or one
// that leaves the program's folder by "..". Left out are those below `mounts` (folders of this
// machine that the container has by the same path), and those that images have themselves (/usr,
// /etc, /tmp and the like). Of a path with a placeholder in it, the folders before that are looked
// for.
void CheckHostPaths(const Service& service, const std::vector<std::string>& mounts, Faults& faults);

}  // namespace busker::service
