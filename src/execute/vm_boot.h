// What a VM of ours is made of, and how it begins. Pure: from an attempt to the body of Compute
// Engine's "insert", cloud-init's user data among it.
//
// Whatever a place says, a VM of ours is deleted by the cloud itself when its time is over, with
// its disks; is never started again by the cloud; can be deleted; has our labels; and has no secret
// and nothing of an order in its metadata.
#pragma once

#include <string>
#include <vector>

#include "attempt/remote.h"
#include "execute/compute_place.h"

namespace busker::execute {

// A pure function of home and attempt, so that a VM is found again by it. [a-z0-9-], at most 63.
std::string VmName(const attempt::RemoteName& name);

// Labels of each VM and its disk. What has not both is not ours: the first is the home's id, the
// second the name of the VM, and a copy that a person made has another.
inline constexpr char kVmHomeLabel[] = "busker-home", kVmAttemptLabel[] = "busker-attempt";

// From its creation on, then the cloud deletes it: attempt::MachineLifeMax, and the time that it is
// kept.
Milliseconds VmLimit(const ComputeSettings& settings);

struct NewVm {
  attempt::RemoteName name;
  std::string zone;
  ComputeSettings settings;
  bool is_spot = false;
  std::string order_sha256;              // of order.json
  std::string runner_sha256;             // of busker-runner, which is in the store
  std::string storage, compute;          // the APIs' endpoints, without '/' behind
  std::vector<std::string> environment;  // "NAME=value", of the unit: endpoints on loopback alone
};

// Of `own`, entries "NAME=value": where a server on this machine stands in for one of Google's
// APIs, as a VM that the stand-in boots needs to know it.
std::vector<std::string> StandInEnvironment(const std::vector<std::string>& own);

// JSON for instances.insert (API v1). kInvalid: the store is no bucket.
Result<std::string> InsertBody(const NewVm& vm);

// "#cloud-config": a unit that fetches the runner and hands over to it. Carried out at every boot.
Result<std::string> UserData(const NewVm& vm);

// What that says on the console when the attempt was never started; the reason is behind.
inline constexpr char kNeverStarted[] = "busker: never started: ";

}  // namespace busker::execute
