// Which home is it? A copy has the record of the home that it was made from, and names its attempts
// alike; so each home has an id of its own, bound to its folder's device and inode, that a copy or
// a backup that was restored loses, and one that was moved keeps.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "home/home.h"
#include "home/place.h"

namespace busker::home {

struct Instance {
  std::string id;  // in the marks of attempts; empty: there are no copies to be told from
  // The id is new, in place of another's: what is on record as running was started by that home.
  bool renewed = false;
  Folder home;
};

// Who starts an attempt; kept with it, as text that only this room reads (record::Turn::launcher).
struct Launcher {
  std::string instance;  // Instance::id; empty: an earlier version of Busker did
  std::string boot;      // io::BootId(): what it left unsynced is gone in another
};
std::string ToText(const Launcher& launcher);
Launcher LauncherFrom(std::string_view text);

// For the owner of the home, each time it is opened: gives it an id when it has none or another's.
Result<Instance> OpenInstance(const Home& home);

// For who only looks, or works for the owner. Nothing is written.
Folder FolderOf(const Home& home);

}  // namespace busker::home
