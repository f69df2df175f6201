// Paths of this machine that a program in a container would not find.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "service/fault.h"
#include "service/service.h"

namespace busker::service {

// What an image is known to have of the program's folder.
struct ImageOfFolder {
  // Whether `busker build` leaves a path of the program's folder out, relative to it. None: nothing
  // is known of the image.
  std::function<bool(const std::string& path)> leaves_out = {};
  // False: a Dockerfile makes the image, and may make there what is left out here.
  bool is_written_by_busker = false;
};

// Adds a fault for each path in the configs and commands of the service's actions that names
// something on this machine, and that an image does not have by nature: an absolute one, one that
// leaves the program's folder by "..", or one with a "/" in it that the build leaves out. Left out
// are those below `mounts` (folders of this machine that the container has by the same path;
// nullopt: it is on another machine, and can have none), those that images have themselves (/usr,
// /etc, /tmp and the like), and output/, which each run has. Of a path with a placeholder in it,
// the folders before that are looked for.
void CheckHostPaths(const Service& service, const std::optional<std::vector<std::string>>& mounts,
                    const ImageOfFolder& image, Faults& faults);

}  // namespace busker::service
