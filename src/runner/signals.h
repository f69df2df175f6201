// How the runner takes signals: SIGTERM (cancel) and SIGCHLD as readable bytes, the rest ignored.
#pragma once

#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

class Signals {
 public:
  // From now on SIGTERM and SIGCHLD are only delivered here, and SIGHUP, SIGINT, SIGPIPE and
  // SIGXFSZ (a file grew past its limit: write fails instead) have no effect.
  static Result<Signals> Claim();

  int fd() const { return fd_.get(); }  // readable when a signal is there

  // Takes what is there. Has a SIGTERM ever come?
  bool CancelRequested();

 private:
  explicit Signals(io::Descriptor fd) : fd_(std::move(fd)) {}
  io::Descriptor fd_;
  bool cancel_ = false;
};

// Undoes all of it, and whatever the runner itself was started with. For the child before exec.
void ResetSignals();

}  // namespace busker::runner
