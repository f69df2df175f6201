// busker-runner in an artifact store, from which machines that begin with nothing fetch it: a copy
// for each build, by its digest, for all homes that share the store.
//
// Who is about to ask for such a machine puts it there, and writes it anew when it was written some
// days ago. So a copy that nobody has written for longer is about to be fetched by nobody, and may
// be removed, by whoever knows nothing of the attempts of others and beside them.
#pragma once

#include <string>
#include <vector>

#include "artifact/clearable_store.h"
#include "base/result.h"
#include "base/time.h"
#include "io/file.h"
#include "io/interrupt.h"

namespace busker::attempt {

std::string RunnerKeyOf(const std::string& sha256);  // "_busker/runners/SHA256"

// One that is older is written anew before a machine is asked for; and one that is older than that
// is removed. In between lies more than what it takes until a machine has fetched it.
inline constexpr Milliseconds kRunnerYoung = std::chrono::hours(48);
inline constexpr Milliseconds kRunnerKept = std::chrono::hours(7 * 24);

// The file `runner` is there, whole, and is no candidate for removal within days; returns its
// SHA-256. kTemporary, too, when the file or the copy was changed at that moment.
Result<std::string> PutRunner(artifact::ClearableStore& store, const io::fs::path& runner,
                              Instant now, const io::Interrupt& interrupt);

// The copies that nobody fetches any more.
Result<std::vector<artifact::Written>> FindOldRunners(artifact::ClearableStore& store, Instant now,
                                                      const io::Interrupt& interrupt);

}  // namespace busker::attempt
