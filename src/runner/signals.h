// How the runner takes signals: SIGTERM (cancel) and SIGCHLD as readable bytes, the rest ignored.
#pragma once

#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

class Signals {
 public:
  // From now on SIGTERM and SIGCHLD are only delivered here, SIGHUP, SIGINT, SIGPIPE and SIGXFSZ (a
  // file grew past its limit: write fails instead) have no effect, those of runner/output_streams.h
  // are blocked, and all others have their default, whatever this program was started with.
  static Result<Signals> Claim();

  int fd() const { return fd_.get(); }  // readable when a signal is there

  // Readable when a SIGTERM is there that was not taken yet: what a wait in between is ended by.
  int cancel_fd() const { return cancel_fd_.get(); }

  // Takes what is there. Has a SIGTERM ever come?
  bool CancelRequested();

 private:
  Signals(io::Descriptor fd, io::Descriptor cancel_fd)
      : fd_(std::move(fd)), cancel_fd_(std::move(cancel_fd)) {}
  io::Descriptor fd_, cancel_fd_;
  bool cancel_ = false;
};

// Undoes all of it. For the child before exec: makes system calls only.
void ResetSignals();

}  // namespace busker::runner
