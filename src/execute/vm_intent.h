// What is meant to be at Compute Engine for an attempt: durable in the attempt's folder (vm.json)
// before each call that makes something, so that it is found again by zone and name whatever
// becomes of this program.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attempt/exit_record.h"
#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::execute {

// One VM that was asked for, in one zone.
struct VmAsk {
  std::string zone;
  std::string request;  // UUID: requestId of the insert
  Instant asked_at{};
  std::string operation;                           // of the insert; empty: its answer did not come
  std::string vm_id;                               // in digits; empty: not known
  std::string refusal;                             // why there is none; empty: it was not refused
  bool has_no_room = false, has_no_quota = false;  // why: the next is in another zone, or region
  bool is_free = false;                            // nothing of ours is there, nor will be
};

struct VmIntent {
  std::string name;          // of all its VMs
  std::string order_sha256;  // of order.json
  bool is_spot = false;
  std::vector<VmAsk> asks;  // the last is the one that counts
  // It is given up: how it ends. Nothing of the kind was said yet when it has not.
  std::optional<attempt::Ending> given_up;
  std::string why;
  // What the log begins with, before the program's. Nothing more is said once that has begun.
  std::string said;
  bool has_said_all = false;

  VmAsk& last() { return asks.back(); }
};

inline constexpr char kIntentFile[] = "vm.json";

std::string IntentToJson(const VmIntent& intent);
Result<VmIntent> IntentFromJson(const std::string& text);

// nullopt: nothing was meant yet.
Result<std::optional<VmIntent>> ReadIntent(const io::fs::path& attempt_folder);
Result<void> WriteIntent(const io::fs::path& attempt_folder, const VmIntent& intent);

// RFC 9562, version 4.
std::string NewUuid();

}  // namespace busker::execute
