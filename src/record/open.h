// A record by its URL.
#pragma once

#include <memory>
#include <string>

#include "record/record.h"

namespace busker::record {

struct Opening {
  bool make = false;   // makes the record when it is missing; else that is kNotFound
  bool stays = false;  // many turns will be appended: worth something at the start and at the end
};

// Opens the record at "sqlite:///path/busker.db". kInvalid: there is none of that scheme, and the
// message says which there are; kUnusable: it is corrupt or from a newer Busker, and nothing was
// written. What is of an earlier Busker is brought up to date first.
Result<std::unique_ptr<Record>> OpenRecord(const std::string& url, const Opening& opening = {});

}  // namespace busker::record
