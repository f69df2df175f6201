// The folder that the command runs in: the service's entries as links, output/ and the expanded
// config as its own.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "artifact/version.h"
#include "attempt/order.h"
#include "base/result.h"
#include "io/file.h"
#include "runner/source_commit.h"

namespace busker::runner {

inline constexpr char kOutputFolder[] = "output";

struct WorkingFolder {
  std::string config_sha256;  // of the expanded config; empty without one
  artifact::Manifest input;   // of what was loaded into output/; without files: nothing was
  SourceCommits commits;      // of what it shows; filled in by who makes it, as the next one is
  std::optional<artifact::Environment> environment;  // of a program in Python
  io::Descriptor folder;  // the folder itself, whatever its name will lead to later
  // Of order.required_outputs, those that were loaded, and when their inode last changed: how it is
  // told later that the command wrote its own.
  std::map<std::string, std::int64_t> changed_ns;
};

// `folder` is still the one that was made, and output/ in it a folder: nobody has put a link, or
// another folder, in the place of either. The error says what the command did.
Result<void> CheckStillThere(const WorkingFolder& made, const io::fs::path& folder);

// When the file's inode last changed, in nanoseconds; 0 when there is none.
std::int64_t ChangedNs(const io::fs::path& path);

// Makes `folder` anew, in place of what an earlier runner left there:
//
// - for each entry of order.root a symbolic link, except `.busker`, `.git` and `output`, and except
//   the folders above order.config, which become real folders that hold such links;
// - the config file itself, expanded;
// - `output/`, with the files of the version order.input in it (from `store`), digests checked.
//
// Without order.root the folder is bare but for `output/`, which is there when something is loaded
// or saved.
// `may_exist`: is there possibly one of an earlier runner?
Result<WorkingFolder> MakeWorkingFolder(const attempt::Order& order, artifact::Store* store,
                                        const io::fs::path& folder, const io::Interrupt& interrupt,
                                        bool may_exist = true);

}  // namespace busker::runner
