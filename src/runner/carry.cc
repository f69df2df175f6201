#include "runner/carry.h"

#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "artifact/store.h"
#include "attempt/exit_record.h"
#include "attempt/order.h"
#include "attempt/remote.h"
#include "base/id.h"
#include "base/text.h"
#include "io/boot.h"
#include "io/digest.h"
#include "io/tls_context.h"
#include "runner/carrier.h"
#include "runner/console.h"
#include "runner/own_vm.h"
#include "runner/signals.h"
#include "runner/start_fence.h"
#include "runner/vm_metadata.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr char kBootFolder[] = "/run/busker";
constexpr Milliseconds kMetadataWithin = minutes(5);
constexpr Milliseconds kFenceWithin = minutes(5);
constexpr Milliseconds kLeaveWithin = std::chrono::hours(1);
constexpr Milliseconds kDeleteWithin = minutes(5);
constexpr Milliseconds kDeleteAtEnd = seconds(4);  // where the VM is told to stop anyway

io::Interrupt Within(Milliseconds limit, const Signals& signals) {
  io::Interrupt interrupt = io::Within(limit);
  interrupt.stop_descriptor = signals.cancel_fd();
  return interrupt;
}

// The kernel's word, and one in memory that is empty after a boot: as a VM of the tests has, whose
// kernel is another machine's. Empty: this cannot be told from another.
std::string ThisBoot() {
  const fs::path file = fs::path(kBootFolder) / "boot";
  if (!io::MakeFolders(kBootFolder, 0700)) return {};
  (void)io::CreateFileAtomically(file, RandomHex(8), 0600);  // or it is there
  const auto word = io::ReadFile(file, 256);
  return word && !word->empty() ? io::BootId() + "." + *word : std::string();
}

attempt::ExitRecord RecordOf(const VmMetadata& vm, attempt::Ending ending, std::string message) {
  attempt::ExitRecord record;
  record.run = vm.attempt.attempt.run;
  record.task = vm.attempt.attempt.task;
  record.number = vm.attempt.attempt.number;
  record.ending = ending;
  record.message = std::move(message);
  record.started_at = record.ended_at = Now();
  return record;
}

// How an attempt of ours ended, of which nothing is begun here. That it is known already is fine.
Result<attempt::ExitRecord> Leave(artifact::Store& store, const VmMetadata& vm,
                                  attempt::ExitRecord record, const Signals& signals) {
  TRY(store.CreateText(attempt::RemoteKeys(vm.attempt).exit, attempt::ExitToJson(record),
                       Within(kLeaveWithin, signals)));
  return record;
}

Result<attempt::Order> OpenOrder(const VmMetadata& vm, const std::string& text) {
  if (io::Sha256Of(text) == vm.order_sha256) return attempt::Open(text);
  return Unusable("the order in the store is not the one that this VM was made for");
}

struct Owned {
  std::unique_ptr<artifact::Store> store;
  Fence fence;
  Result<attempt::Order> order;
  OwnedAttempt attempt;
};

attempt::RemoteStart OwnStart(const VmMetadata& vm, const std::optional<attempt::SecretsKey>& key) {
  attempt::RemoteStart own;
  own.by = attempt::RemoteStart::kByMachine;
  own.vm_id = vm.id;
  own.boot = ThisBoot();
  own.zone = vm.zone;
  own.vm = vm.name;
  own.order_sha256 = vm.order_sha256;
  own.public_key = key ? key->public_key() : "";
  own.started_at = Now();
  return own;
}

// nullopt: it is another's, or nobody's any more. An Error: that is not known.
Result<std::optional<Owned>> Own(const VmMetadata& vm, const Signals& signals) {
  const attempt::RemoteKeys keys(vm.attempt);
  TRY_ASSIGN(auto store, artifact::OpenStore(vm.store_url));
  auto text = store->GetText(keys.order, Within(kFenceWithin, signals));
  if (!text && text.error().kind == ErrorKind::kNotFound) {
    Say("never started: there is no order any more");
    return std::nullopt;
  }
  TRY(text);
  auto order = OpenOrder(vm, *text);
  OwnedAttempt owned{*std::move(text), {}, false};
  if (order && !order->secrets.empty()) {
    TRY_ASSIGN(owned.key, attempt::SecretsKey::Make());
  }
  TRY_ASSIGN(Fence fence,
             TakeFence(*store, keys, OwnStart(vm, owned.key), Within(kFenceWithin, signals)));
  if (fence.owner == Fence::Owner::kOther) {
    const attempt::RemoteStart& start = fence.start;
    Say(start.by == attempt::RemoteStart::kByBusker
            ? "never started: Busker has given this attempt up"
            : fmt::format("never started: the attempt is that of the VM {} in {}, with the id {}",
                          start.vm, start.zone, start.vm_id));
    return std::nullopt;
  }
  owned.was_there = fence.was_there;
  return Owned{std::move(store), std::move(fence), std::move(order), std::move(owned)};
}

Result<attempt::ExitRecord> CarryOut(const VmMetadata& vm, Owned owned, Signals& signals) {
  if (owned.fence.owner == Fence::Owner::kEarlierBoot) {
    return Leave(*owned.store, vm,
                 RecordOf(vm, attempt::Ending::kLost,
                          "the VM was restarted while the command ran; it is not started a second "
                          "time"),
                 signals);
  }
  if (!owned.order) {
    return Leave(*owned.store, vm,
                 RecordOf(vm, attempt::Ending::kNotStarted, owned.order.error().message), signals);
  }
  Say(fmt::format("the attempt {} begins", vm.attempt.attempt.Text()));
  return Carry(vm, *owned.store, std::move(owned.attempt), signals);
}

// For a person who wants to look at what failed.
void Keep(const VmMetadata& vm, Signals& signals) {
  Say(fmt::format("this VM stays for {}: gcloud compute ssh {} --project {} --zone {}",
                  FormatDuration(vm.keep_on_failure), vm.name, vm.project, vm.zone));
  const auto until = steady_clock::now() + vm.keep_on_failure;
  while (!signals.CancelRequested() && steady_clock::now() < until) {
    pollfd told{signals.cancel_fd(), POLLIN, 0};
    const auto left = std::chrono::ceil<Milliseconds>(until - steady_clock::now());
    poll(&told, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000)));
  }
}

void Delete(const VmMetadata& vm, Signals& signals) {
  const bool is_ending = signals.CancelRequested();
  const auto deleted = DeleteOwnVm(vm, io::Within(is_ending ? kDeleteAtEnd : kDeleteWithin));
  if (deleted) return Say("this VM is being deleted");
  Say(fmt::format("this VM cannot delete itself: {}; busker does, or the VM's time limit",
                  deleted.error().message));
}

}  // namespace

int CarryCommand() {
  io::ForgetTheContainersSettings();
  auto signals = Signals::Claim();
  const auto vm =
      signals ? ReadVmMetadata(Within(kMetadataWithin, *signals)) : tl::unexpected(signals.error());
  auto owned = vm ? Own(*vm, *signals) : tl::unexpected(vm.error());
  if (!owned) {
    std::fprintf(stderr, "busker: never started: %s\n", Printable(owned.error().message).c_str());
    return 1;
  }
  if (*owned) {
    const auto ended = CarryOut(*vm, **std::move(owned), *signals);
    if (!ended) {
      Say("how the attempt ended cannot be told to the store: " + ended.error().message);
    } else {
      Say(fmt::format("the attempt ended: {}{}", attempt::NameOf(ended->ending),
                      ended->message.empty() ? "" : ": " + ended->message));
    }
    const bool failed = !ended || ended->ending != attempt::Ending::kSucceeded;
    if (failed && vm->keep_on_failure > Milliseconds(0)) Keep(*vm, *signals);
  }
  Delete(*vm, *signals);
  return 0;
}

}  // namespace busker::runner
