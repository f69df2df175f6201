// What is left of versions that were never published: of a run that was killed while it saved, or
// whose store went away. Files without a manifest are no version, so nobody misses them; but a run
// that is retried may find them and go on with them. So who removes them first puts a Removal in
// the manifest's place, which that run then finds when it publishes: it fails and may be tried
// again, and no version lacks a file. That stays for kRemovalKept, by when whoever has looked
// before it is done.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "artifact/clearable_store.h"
#include "artifact/version.h"

namespace busker::artifact {

// Nothing was written to a rest for so long. A version is saved within a day.
inline constexpr Milliseconds kRestAge = std::chrono::hours(24);
inline constexpr Milliseconds kRemovalKept = std::chrono::hours(48);

struct Rest {
  VersionName name;
  std::vector<Written> files;  // without what stands in the manifest's place
  Instant written_at{};        // the newest of them
  std::string removal;         // what stands there, as it is; empty: nothing
};

// Of all versions of the service, as it is at `now`; those of `old_removals` are all that is left
// of removals before.
struct Rests {
  std::vector<Rest> rests;  // by name
  std::vector<Written> old_removals;
};
Result<Rests> FindRests(ClearableStore& store, const std::string& service, Instant now,
                        const io::Interrupt& interrupt);

// false: it is none any more, and was left. One that was begun and not finished goes on.
Result<bool> RemoveRest(ClearableStore& store, const Rest& rest, const io::Interrupt& interrupt);

}  // namespace busker::artifact
