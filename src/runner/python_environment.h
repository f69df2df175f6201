// Which packages a Python program can import. Read from the names of their metadata folders
// (NAME-VERSION.dist-info) along the path that its interpreter searches; nothing of it is started
// or imported, so this costs a few listings, in a container's image as on the machine itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "artifact/version.h"
#include "io/file.h"

namespace busker::runner {

// Of `command`, run with `environment` ("NAME=value") in `folder`. nullopt: its program is neither
// an interpreter of Python nor a script that begins with one ("#!"); or which interpreter that is
// cannot be told, as of a script `python` that chooses one. What cannot be read is left out; so
// much is looked at and no more.
//
// The path is that of the interpreter as it is found: PYTHONPATH; the site-packages of its virtual
// environment; without one, or where that includes the system's, those of the user and the system.
// What comes first counts. Names are as the package index has them: "scikit-learn".
std::optional<artifact::Environment> FindPythonEnvironment(
    const std::vector<std::string>& command, const std::vector<std::string>& environment,
    const io::fs::path& folder);

}  // namespace busker::runner
