// How far the log of a run has been copied to another place: what of it must outlive the process
// that copies.
//
//   HOME/log-copies/RUN.json     where to; durable before the run starts. While it is there, the
//                                copy is not whole
//   HOME/runs/RUN/copied.json    how far it came; not synced: after a power cut it may be that of
//                                earlier, or none, and then lines are copied twice
//   HOME/runs/RUN/copied-to.json the first, once the copy is whole: the run may be taken up again
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::daemon {

struct CopyTo {
  std::string project, log;  // of Cloud Logging
  std::string service;
};

// A place that cannot be copied to for now.
struct Uncopied {
  std::string to;          // "cloud-logging://PROJECT"
  std::string why;         // the last time
  std::uint64_t runs = 0;  // whose logs are to be copied there
  int tries = 0;
  Instant next_try{};
};

// Lines of an attempt that are being written, or were when this process's predecessor ended. Tried
// again, they are the same lines with the same instant.
struct CopyIntent {
  std::uint64_t end = 0;  // of the attempt's output, behind the last of them
  Instant at{};
};

struct CopiedAttempt {
  std::string task;
  int number = 1;
  std::uint64_t offset = 0;  // of its output, up to which it was copied
  Instant at{};              // of the last lines
  std::optional<CopyIntent> intent;
  bool whole = false;  // it has ended, and all was copied
};

struct CopiedRun {
  std::vector<CopiedAttempt> attempts;
  bool begun = false;      // something was copied
  bool said_done = false;  // the last line is "Well done."
  std::uint64_t lines = 0, refused = 0;
  std::string why_refused;  // of the first

  CopiedAttempt& Of(const std::string& task, int number);  // made when it is not there
};

// The files of all runs of a home. Any thread; one at a time for each run.
class CopiedRuns {
 public:
  CopiedRuns(io::fs::path folder, io::fs::path runs_folder)
      : folder_(std::move(folder)), runs_folder_(std::move(runs_folder)) {}

  Result<void> Begin(const std::string& run, const CopyTo& to) const;
  // Runs whose copies are not whole, in order of time.
  Result<std::vector<std::string>> List() const;
  Result<CopyTo> Where(const std::string& run) const;

  // Nothing was copied, when that is not there or not whole.
  CopiedRun Load(const std::string& run) const;
  Result<void> Save(const std::string& run, const CopiedRun& copied) const;

  // The copy is whole.
  Result<void> End(const std::string& run) const;
  // It is not any more. False: there is none of that run.
  bool BeginAgain(const std::string& run) const;

 private:
  io::fs::path OpenFile(const std::string& run) const { return folder_ / (run + ".json"); }

  const io::fs::path folder_, runs_folder_;
};

}  // namespace busker::daemon
