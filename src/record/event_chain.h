// The chain of events: each holds the SHA-256 of itself and of the hash of the one before it, so
// that an event that was changed, removed, inserted or moved afterwards is found.
//
// Hashed are, without gaps: the hash before (32 bytes; zeros before the first), number and instant
// (8 bytes each, least significant first), then run, task, what, actor and detail, each after its
// length in bytes (8 bytes, likewise). The table `chain` holds the last number and hash, so that
// events missing at the end are found, too.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "record/sqlite.h"

namespace busker::record {

using EventHash = std::array<char, 32>;

inline std::string_view BytesOf(const EventHash& hash) { return {hash.data(), hash.size()}; }

struct EventFields {
  std::int64_t number = 0, at = 0;
  std::string_view run, task, what, actor, detail;
};

// Computes the hash of an event; keeps its memory for the next.
class EventHasher {
 public:
  EventHash Of(const EventHash& before, const EventFields& event);

 private:
  std::string bytes_;
};

// Adds events behind the last, within a transaction that the caller holds from before the first Add
// until after Finish: another process may have added some before it.
class EventWriter {
 public:
  explicit EventWriter(Database& database) : database_(database) {}

  // The number and the hash are decided here.
  Result<void> Add(EventFields event);
  Result<void> Finish();  // after the last Add

 private:
  Database& database_;
  EventHasher hasher_;
  bool begun_ = false;
  std::int64_t last_ = 0;
  EventHash hash_{};
};

// Goes through all events; `use` sees each. Returns a sentence per break of the chain, at most ten.
Result<std::vector<std::string>> VerifyEvents(Database& database,
                                              const std::function<void(const EventFields&)>& use);

}  // namespace busker::record
