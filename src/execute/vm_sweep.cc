#include "execute/vm_sweep.h"

#include <fmt/core.h>

#include <charconv>

#include "attempt/folder.h"
#include "attempt/remote.h"
#include "execute/exit_of.h"
#include "execute/vm_boot.h"
#include "execute/vm_intent.h"

namespace busker::execute {
namespace {

constexpr Milliseconds kCallLimit = std::chrono::seconds(30);

// A disk has no metadata.
bool IsOurDisk(const ComputeResource& disk) {
  const auto label = disk.labels.find(kVmAttemptLabel);
  return label != disk.labels.end() && label->second == disk.name &&
         disk.name.starts_with("busker-");
}

// So long a VM whose attempt has failed is there for a person to look at.
bool IsKept(const ComputeResource& vm, const attempt::Name& name, const io::fs::path& folder) {
  const Milliseconds keep = KeepIn(vm);
  if (keep == Milliseconds(0)) return false;
  const auto ended = ReadExitOf(name, attempt::FolderOf(folder, name));
  return ended && *ended && (*ended)->ending != attempt::Ending::kSucceeded &&
         Now() < (*ended)->ended_at + keep;
}

}  // namespace

std::optional<attempt::Name> AttemptOf(const ComputeResource& vm, const std::string& instance) {
  const auto label = vm.labels.find(kVmAttemptLabel);
  const auto attribute = vm.metadata.find(attempt::kAttemptAttribute);
  if (label == vm.labels.end() || attribute == vm.metadata.end()) return std::nullopt;
  const auto name = attempt::ParseRemoteName(attribute->second);
  const bool is_ours =
      name && name->home == instance && label->second == vm.name && VmName(*name) == vm.name;
  if (!is_ours) return std::nullopt;
  return name->attempt;
}

Milliseconds KeepIn(const ComputeResource& vm) {
  const auto found = vm.metadata.find(attempt::kKeepAttribute);
  if (found == vm.metadata.end()) return Milliseconds(0);
  const std::string& text = found->second;
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(seconds);
}

Result<VmSweep::Outcome> VmSweep::Run(const std::stop_token& stop) const {
  const auto limit = [&] { return io::Within(kCallLimit, stop); };
  Outcome outcome{true, {}};
  const auto owe = [&](const ComputeResource& one, const attempt::Name& name, const char* what,
                       const std::string& why) {
    outcome.debts.push_back({name, fmt::format("{} {}", what, one.name),
                             fmt::format("{} of {}", one.zone, engine.project()), why, Now()});
  };
  const auto remove = [&](const ComputeResource& one, const attempt::Name& name, bool is_disk) {
    const char* const what = is_disk ? "disk" : "VM";
    outcome.is_clean = false;
    const auto answer = is_disk ? engine.DeleteDisk(one.zone, one.name, NewUuid(), limit())
                                : engine.Delete(one.zone, one.name, NewUuid(), limit());
    if (!answer) return owe(one, name, what, answer.error().message);
    if (answer->fault) owe(one, name, what, SentenceOf(*answer->fault));
  };
  TRY_ASSIGN(const ComputeListing vms, engine.Vms(kVmHomeLabel, instance, limit()));
  for (const ComputeResource& vm : vms.resources) {
    const auto name = AttemptOf(vm, instance);
    if (!name || is_answered_for(vm.name)) continue;
    if (IsKept(vm, *name, folder)) {
      outcome.is_clean = false;
    } else {
      remove(vm, *name, false);
    }
  }
  TRY_ASSIGN(const ComputeListing disks, engine.Disks(kVmHomeLabel, instance, limit()));
  for (const ComputeResource& disk : disks.resources) {
    if (IsOurDisk(disk) && !disk.is_used && !is_answered_for(disk.name)) remove(disk, {}, true);
  }
  // What is there where nobody answered is not known.
  if (!vms.unreachable.empty() || !disks.unreachable.empty()) outcome.is_clean = false;
  return outcome;
}

}  // namespace busker::execute
