// VMs and disks of this home that nobody answers for: what earlier buskers left, what a person
// started again, what outlived its deletion. Ours is what has our labels, of our home, and is what
// they say; how old it is says nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "execute/compute_engine.h"
#include "execute/executor.h"
#include "io/interrupt.h"

namespace busker::execute {

struct VmSweep {
  const ComputeEngine& engine;
  std::string instance;  // id of the home
  io::fs::path folder;   // attempts live in folder/RUN/TASK.NUMBER
  // Is an attempt whose VM is called so unfinished, or taken care of? Any thread.
  std::function<bool(const std::string& vm_name)> is_answered_for;

  struct Outcome {
    bool is_clean = false;    // all zones were seen, and nothing is left
    std::vector<Debt> debts;  // what was found, and could not be deleted
  };
  // Deletes what nobody answers for; what is being deleted is found again by the next. Errors are
  // those of the lists.
  Result<Outcome> Run(const std::stop_token& stop) const;
};

// The attempt of a VM that is ours: the name, the labels and the metadata say the same.
std::optional<attempt::Name> AttemptOf(const ComputeResource& vm, const std::string& instance);

// What a VM's metadata say of how long it stays after a failure.
Milliseconds KeepIn(const ComputeResource& vm);

}  // namespace busker::execute
