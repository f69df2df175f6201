// What a browser has in place of a token: a session, which begins with a link that works once.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "access/caller.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::access {

// A session lasts until it was not used for 12 hours, across restarts where there is a file: that
// has the digests of their secrets, mode 0600. Links are in memory only. Of 1,000 sessions or 100
// links, a new one takes the place of the least recently used. Any thread; the time is handed in.
class Sessions {
 public:
  Sessions() = default;
  // Goes on with the sessions in the file. One that cannot be read, or that others may read or
  // write, is as none, and is replaced; one that cannot be written costs sessions at the next
  // restart, and nothing else.
  explicit Sessions(io::fs::path file);

  // The secret of a link that begins a session of `caller`, once, within a day.
  std::string MakeLink(const Caller& caller, Instant now);

  // The secret of a session, in exchange for that of a link; nullopt: there is no such link.
  std::optional<std::string> Begin(const std::string& link, Instant now);

  // Whose session that is, which is a use of it; nullopt: nobody's.
  std::optional<Caller> Use(const std::string& session, Instant now);

  // Whether the session of that digest goes on. Costs little, and is no use of it.
  bool Has(const std::string& sha256, Instant now) const;

 private:
  struct Entry {
    Caller caller;
    Instant used_at{};
  };
  void Read();
  void Write(Instant now);

  const io::fs::path file_;                        // empty: none
  mutable std::mutex mutex_;                       // guards what follows
  std::map<std::string, Entry> sessions_, links_;  // by the SHA-256 of their secrets
  Instant written_at_{};
};

}  // namespace busker::access
