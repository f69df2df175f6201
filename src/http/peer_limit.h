// How often one address may be wrong.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/time.h"

namespace busker::http {

// Any thread. The time is handed in.
class PeerLimit {
 public:
  // So many in a second, of each of the last 10,000 addresses.
  explicit PeerLimit(int in_a_second_max) : in_a_second_max_(in_a_second_max) {}

  // Once more; false: that is too often.
  bool Add(const std::string& peer, Instant now);

 private:
  struct Count {
    Instant since{};
    int count = 0;
  };
  const int in_a_second_max_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Count> counts_;
};

}  // namespace busker::http
