// Who starts an attempt that is carried out on a machine elsewhere: whoever created the start fence
// (attempt/remote.h), once, whatever machines of one name there are and however often they boot.
#pragma once

#include "artifact/store.h"
#include "attempt/remote.h"
#include "base/result.h"
#include "io/interrupt.h"

namespace busker::runner {

struct Fence {
  enum class Owner {
    kThisBoot,     // this machine in this boot: it starts the attempt
    kEarlierBoot,  // this machine, before it was restarted: the attempt may have begun
    kOther,        // another machine; or Busker, which had given the attempt up
  };
  Owner owner;
  bool was_there = false;      // this boot's, and an earlier process took it
  attempt::RemoteStart start;  // what it says
};

// Takes the fence, or tells whose it is. On an error it is not known.
Result<Fence> TakeFence(artifact::Store& store, const attempt::RemoteKeys& keys,
                        const attempt::RemoteStart& own, const io::Interrupt& interrupt);

}  // namespace busker::runner
