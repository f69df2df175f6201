// The places elsewhere at which attempts of this home may have left something: a machine, a disk,
// objects of a store. Each is noted durably before the first of it is made, until all of it is
// known to be gone; so whoever begins next sweeps there at once, and not when the place is next
// used.
//
//   FOLDER/DIGEST.json   {"place": "compute-engine://p/europe-west1-b", "stores":
//   ["gs://b/models"]}
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::execute {

// The notes of one home. What it holds of a note is its caller's: one thread at a time.
class PlacesInUse {
 public:
  explicit PlacesInUse(io::fs::path folder) : folder_(std::move(folder)) {}

  // All that are noted. What cannot be read is left out, and stays.
  std::vector<std::string> All() const;

  // The stores that are noted of a place; empty: it is not noted.
  std::set<std::string> StoresOf(const std::string& place) const;

  // Durable when it returns.
  Result<void> Note(const std::string& place, const std::set<std::string>& stores) const;
  void Forget(const std::string& place) const;  // where that fails, one sweep more is made

 private:
  io::fs::path FileOf(const std::string& place) const;

  const io::fs::path folder_;
};

}  // namespace busker::execute
