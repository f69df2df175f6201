// The log of an attempt on its way to the artifact store, part by part (attempt/remote.h).
#pragma once

#include <cstdint>
#include <string>

#include "artifact/store.h"
#include "attempt/log.h"
#include "attempt/remote.h"
#include "base/result.h"
#include "io/file.h"
#include "io/interrupt.h"

namespace busker::runner {

// Used by one thread.
class LogShipper {
 public:
  LogShipper(artifact::Store& store, const attempt::RemoteKeys& keys, io::fs::path attempt_folder)
      : store_(store), keys_(keys), reader_(std::move(attempt_folder)) {}

  // Goes on behind what an earlier process of this machine has shipped of the same log.
  Result<void> Resume(const io::Interrupt& interrupt);

  // Ships what has come since the last call: of a log that grows all the while, `parts_max` at the
  // most. After an error the next call goes on with the same part.
  Result<void> ShipNew(const io::Interrupt& interrupt, int parts_max);

 private:
  artifact::Store& store_;
  const attempt::RemoteKeys keys_;
  attempt::LogReader reader_;
  std::string part_;          // read, and not yet shipped
  std::uint64_t number_ = 0;  // of the next part
};

}  // namespace busker::runner
