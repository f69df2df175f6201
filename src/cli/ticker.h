// The line on a terminal that says what runs, for how long and with how much memory, until
// something else is printed.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "attempt/name.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::cli {

// Any thread. Where standard output is no terminal, nothing is done.
class Ticker {
 public:
  Ticker() = default;
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // An attempt runs from now on, or does not any more. One that ends soon is never shown.
  void Begin(const attempt::Name& name, const io::fs::path& folder);
  void End(const std::string& task);

 private:
  struct Running {
    attempt::Name name;
    io::fs::path folder;
    Instant since;
  };
  void Work();
  std::string Line(const std::map<std::string, Running>& running) const;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<std::string, Running> running_;  // by task
  bool ends_ = false;
  std::thread thread_;
};

// "training 0:07  312 MB", "load 1:02:10, clean 0:03": `memory_bytes` 0: not known.
std::string TickOf(const std::string& task, Milliseconds time, std::uint64_t memory_bytes);

}  // namespace busker::cli
