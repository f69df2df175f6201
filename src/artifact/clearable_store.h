// What who clears up needs of a store besides the port that all others have: when a value was
// written, and the removal of what is still that. The promises are those of store.h;
// store_conformance_test.cc checks these, too. Every store of OpenStore is one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "artifact/store.h"
#include "base/time.h"

namespace busker::artifact {

// A value as a list shows it.
struct Written {
  std::string key;
  std::uint64_t size_bytes = 0;
  Instant at{};            // when, by the clock of who keeps it; Instant::max(): it does not say
  std::uint64_t mark = 0;  // another for each time that it was written
};

class ClearableStore : public Store {
 public:
  // All values below `prefix` + "/", sorted by their keys, as List has them.
  virtual Result<std::vector<Written>> ListWritten(const std::string& prefix,
                                                   const io::Interrupt& interrupt) = 0;

  // Removes those of `values` that are what they were when they were listed: what was written since
  // stays. What is gone already is fine.
  virtual Result<void> Remove(std::span<const Written> values, const io::Interrupt& interrupt) = 0;

  // What writes that were cut off have left beside the values, and no list shows, where nothing was
  // written to it from `before` on; each by its path. Removed, when `removes`. A store elsewhere
  // has none.
  virtual Result<std::vector<std::string>> Unfinished(Instant before, bool removes,
                                                      const io::Interrupt& interrupt) = 0;
};

// As OpenStore.
Result<std::unique_ptr<ClearableStore>> OpenClearableStore(const std::string& url);

}  // namespace busker::artifact
