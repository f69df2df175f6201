// What a VM of Google's is told of itself and of the attempt that it was made for, by its metadata
// server.
#pragma once

#include <string>

#include "attempt/remote.h"
#include "base/result.h"
#include "base/time.h"
#include "io/interrupt.h"

namespace busker::runner {

struct VmMetadata {
  std::string server;  // the metadata server's host
  std::string project, zone, name;
  std::string id;  // in digits
  bool is_spot = false;

  std::string store_url;
  attempt::RemoteName attempt;
  std::string order_sha256;
  std::string image;
  Milliseconds keep_on_failure{};  // so long it stays for a person to look at
};

// Waits for the server, which in the first seconds of a VM may not be ready. kUnusable: this is no
// such VM. kInvalid: an attribute that it needs is missing, or says nothing that can be used.
Result<VmMetadata> ReadVmMetadata(const io::Interrupt& interrupt);

// What the server has at "instance/?recursive=true".
Result<VmMetadata> VmMetadataFrom(const std::string& instance_json);

// Is the cloud about to take the VM back? When that cannot be asked within the interrupt: no.
bool IsPreempted(const VmMetadata& vm, const io::Interrupt& interrupt);

}  // namespace busker::runner
