// What the record tells that happened since it was asked last: for who keeps what is dear to read.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "record/record.h"

namespace busker::serve {

// One thread at a time.
class WhatChanged {
 public:
  struct Since {
    bool everything = false;          // the first time, or so much that it is not told apart
    std::set<plan::GraphKey> graphs;  // of which a run was queued, began, ended or was taken up
    bool deeds = false;  // of people, other than with runs: a live pointer that was moved
  };

  // Reads events alone. Whoever reads other things behind that misses nothing: what happens
  // meanwhile is told the next time.
  Result<Since> Ask(record::Record& record);

 private:
  std::optional<std::int64_t> seen_;  // the newest event that was told
};

}  // namespace busker::serve
