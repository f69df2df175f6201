// Compute Engine's API (v1), as far as attempts need it: one try for each call, whoever calls may
// try again. As whoever cloud/google_access.h finds in the environment, at each call anew.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "execute/compute_errors.h"
#include "io/interrupt.h"

namespace busker::execute {

struct ComputeOperation {
  std::string name, kind;        // "insert", "delete", "compute.instances.preempted"
  std::string user, request_id;  // who asked, "system" among them; and by which id
  std::string target_id;         // of the VM, in digits
  bool is_done = false;
  std::optional<ComputeFault> fault;  // it is done, and has failed
};

enum class VmStatus {
  kComing,  // not running yet
  kRunning,
  kStopping,  // also what is being moved or suspended
  kStopped,   // it is there, and is billed for its disks
};

// A VM, or a disk.
struct ComputeResource {
  std::string zone, name, id;            // the id in digits
  VmStatus status = VmStatus::kRunning;  // of a VM
  std::map<std::string, std::string> labels, metadata;
  bool is_used = false;  // a disk, by a VM
};

// What was asked for: it goes on as an operation, or was refused.
struct ComputeAnswer {
  std::optional<ComputeOperation> operation;
  std::optional<ComputeFault> fault;
};

struct ComputeListing {
  std::vector<ComputeResource> resources;
  // Zones that did not answer: what is there is not known.
  std::vector<std::string> unreachable;
};

// Any thread. Errors: kTemporary and kTimedOut may pass (no connection, 429, 5xx, no answer of this
// API); kFailed is a refusal, with what to do about it; kUnusable are the credentials.
class ComputeEngine {
 public:
  explicit ComputeEngine(std::string project) : project_(std::move(project)) {}

  // `body`: JSON of an instance. With the same id a second one is not made, for a while.
  Result<ComputeAnswer> Insert(const std::string& zone, const std::string& body,
                               const std::string& request_id, const io::Interrupt& interrupt) const;
  // nullopt: there is none of that name in the zone. Nothing else is answered so.
  Result<std::optional<ComputeResource>> Get(const std::string& zone, const std::string& name,
                                             const io::Interrupt& interrupt) const;
  // Neither operation nor fault: there is none.
  Result<ComputeAnswer> Delete(const std::string& zone, const std::string& name,
                               const std::string& request_id, const io::Interrupt& interrupt) const;
  Result<ComputeAnswer> DeleteDisk(const std::string& zone, const std::string& name,
                                   const std::string& request_id,
                                   const io::Interrupt& interrupt) const;
  // nullopt: it is forgotten, as operations are some time after their end.
  Result<std::optional<ComputeOperation>> Operation(const std::string& zone,
                                                    const std::string& name,
                                                    const io::Interrupt& interrupt) const;
  // Of the VM with that id, the oldest first as far as they are remembered.
  Result<std::vector<ComputeOperation>> OperationsOn(const std::string& zone,
                                                     const std::string& vm_id,
                                                     const io::Interrupt& interrupt) const;
  // The end of what the VM wrote to its serial port, at most 1 MiB. nullopt: there is no such VM.
  Result<std::optional<std::string>> SerialOutput(const std::string& zone, const std::string& name,
                                                  const io::Interrupt& interrupt) const;
  // In all zones, those with that label.
  Result<ComputeListing> Vms(const std::string& label, const std::string& value,
                             const io::Interrupt& interrupt) const;
  Result<ComputeListing> Disks(const std::string& label, const std::string& value,
                               const io::Interrupt& interrupt) const;

  const std::string& project() const { return project_; }

 private:
  struct Call;
  Result<io::HttpResponse> Send(const Call& call, const io::Interrupt& interrupt) const;
  Result<ComputeAnswer> Ask(const Call& call, const std::string& absent,
                            const io::Interrupt& interrupt) const;
  Result<ComputeListing> List(const char* kind, const std::string& label, const std::string& value,
                              const io::Interrupt& interrupt) const;

  const std::string project_;
};

}  // namespace busker::execute
