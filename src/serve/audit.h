// What is done over HTTP beside runs, noted among the record's events: who logged in, whose token
// was refused, which live pointer was moved.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/time.h"
#include "daemon/ledger.h"
#include "record/readers.h"
#include "serve/door.h"

namespace busker::serve {

// Any thread.
class Audit {
 public:
  // `say` is told of what was done and could not be noted.
  Audit(std::string record_url, Say say) : records_(std::move(record_url)), say_(std::move(say)) {}

  // For deeds; it notes them here.
  daemon::Ledger ledger() {
    return {[this](const record::EventRow& event) { return Add(event); },
            [this](const record::Deed& deed, const std::string& why) {
              SayNotNoted(deed.actor, deed.done, why);
            }};
  }

  // For deeds that change nothing on disk: they are done even when this note cannot be written.
  void Note(const std::string& actor, const std::string& what, const std::string& detail);

  // A wrong token or link came from that address. At most one event a minute for each address and
  // ten for all, so that a stranger cannot fill the disk; the next says how many were left out.
  void NoteRefused(const std::string& peer, Instant now);

 private:
  Result<void> Add(const record::EventRow& event);
  void SayNotNoted(const std::string& actor, const std::string& what, const std::string& why);

  record::Readers records_;
  const Say say_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Instant> noted_;
  Instant window_{};
  int in_window_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace busker::serve
