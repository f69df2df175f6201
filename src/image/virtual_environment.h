// The .venv of a service in Python, for runs on this machine: made from its requirements, and known
// by a digest of them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "image/programs.h"
#include "image/requirements.h"

namespace busker::image {

enum class EnvironmentState {
  kFresh,    // as the requirements have it, or there are none
  kMissing,  // there is none
  kOlder,    // made from others, or before they were changed
  kBroken,   // has no Python
};

Result<EnvironmentState> LookAtEnvironment(const io::fs::path& folder);

// A sentence for a person, with the remedy; empty: all is well.
std::string EnvironmentWarning(const io::fs::path& folder);

enum class Refreshed { kNothing, kMade, kInstalled };

// Makes or makes anew what is not fresh, with uv when it is installed, else with venv and pip:
// beside what is there, which stays as it is until the new one is whole. Into one that a person has
// made, or linked to, packages are installed, and it stays theirs. What is fresh is left alone.
// kNotFound: no requirements, no Python; kFailed: the words of pip.
Result<Refreshed> RefreshEnvironment(const io::fs::path& folder, const std::string& python,
                                     const std::vector<std::string>& environment, const Say& say,
                                     const io::Interrupt& interrupt);

}  // namespace busker::image
