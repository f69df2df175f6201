// Rings when an attempt may have ended: its runner has moved exit.json into the attempt's folder.
// And when it is to stop. Nothing is polled.
#pragma once

#include "base/result.h"
#include "io/file.h"

namespace busker::execute {

class AttemptBell {
 public:
  static Result<AttemptBell> Make();
  // From now on it rings for the end of the attempt in that folder, which is there. Where the
  // kernel has no watch left for it, only the stop rings.
  void Watch(const io::fs::path& attempt_folder);

  void TellStop() const;  // any thread

  // What is readable while it rings: the stop alone, the end alone, either of them.
  int stop() const { return stop_.get(); }
  int end() const { return end_.get(); }  // -1: it will not
  int either() const { return either_.get(); }

  // Did it ring for that since the last call? Then it no longer does.
  bool TakeStop() const;
  bool TakeEnd() const;

 private:
  io::Descriptor stop_, end_, either_;
};

}  // namespace busker::execute
