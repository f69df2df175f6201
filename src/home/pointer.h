// The pointer: .busker/home in a folder that busker up serves names the daemon's home, so that
// verbs called in the folder find it. It also says which folder it was written for: a copy of the
// folder, or a clone with the pointer in it, is another folder, whose models and tables are its
// own.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "home/home.h"

namespace busker::home {

struct Pointer {
  io::fs::path file;
  io::fs::path home;
  std::string written_for;  // the folder; empty: an earlier version of Busker did not say
  bool is_for_this = false;
};

// In `folder`, which is absolute. nullopt: there is none.
Result<std::optional<Pointer>> ReadPointer(const io::fs::path& folder);

Result<void> WritePointer(const io::fs::path& folder, const Home& home);

}  // namespace busker::home
