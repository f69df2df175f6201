// A version that nothing needs any more goes in two steps: it is retired, which takes it out of
// every list at once and can be taken back, and a day later its files are removed. What stands in
// the manifest's place holds the manifest, for ever: who made the version, of what, and its
// metrics stay known, and nobody publishes another under its name. A Busker that knows of no
// retirement takes such a manifest for a damaged one.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "artifact/clearable_store.h"
#include "artifact/version.h"

namespace busker::artifact {

// Whoever was about to make it live, or to load it, when it was retired, is done by then.
inline constexpr Milliseconds kRetiredFor = std::chrono::hours(24);

struct Retirement {
  enum class State {
    kRetired,  // all files are there
    kGoing,    // being removed; not to be taken back any more
    kGone,
  };
  Manifest manifest;
  std::string text;  // the manifest's, as it was
  Instant at{};      // when it was retired
  std::string why;   // "saved before 2026-09-01"
  State state = State::kRetired;
};

// "version churn/1/training/20190801T000000Z was removed (saved before 2026-09-01)"
std::string Sentence(const Retirement& retirement);

std::string RetirementToJson(const Retirement& retirement);
Result<Retirement> RetirementFromJson(const std::string& text);

// false: it is not that version any more, and nothing was done.
Result<bool> Retire(Store& store, const Manifest& version, Instant at, const std::string& why,
                    const io::Interrupt& interrupt);

// All of the service, whatever their state.
Result<std::vector<Retirement>> ListRetired(Store& store, const std::string& service,
                                            const io::Interrupt& interrupt);

// Is a version again, as it was. kInvalid: its files go, or are gone.
Result<void> TakeBack(Store& store, const Retirement& retirement, const io::Interrupt& interrupt);

// Removes its files; one that was begun and not finished goes on. false: it was taken back
// meanwhile.
Result<bool> RemoveFiles(ClearableStore& store, const Retirement& retirement,
                         const io::Interrupt& interrupt);

}  // namespace busker::artifact
