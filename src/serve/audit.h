// What is done over HTTP beside runs, noted among the record's events: who logged in, whose token
// was refused, which live pointer was moved.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/time.h"
#include "serve/records.h"

namespace busker::serve {

// Any thread. What cannot be noted is done all the same: the deed is over by then.
class Audit {
 public:
  explicit Audit(std::string record_file) : records_(std::move(record_file)) {}

  void Note(const std::string& actor, const std::string& what, const std::string& detail);

  // A wrong token or link came from that address. At most one event a minute for each address and
  // ten for all, so that a stranger cannot fill the disk; the next says how many were left out.
  void NoteRefused(const std::string& peer, Instant now);

 private:
  Records records_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Instant> noted_;
  Instant window_{};
  int in_window_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace busker::serve
