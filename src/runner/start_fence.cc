#include "runner/start_fence.h"

namespace busker::runner {
namespace {

Fence::Owner OwnerOf(const attempt::RemoteStart& start, const attempt::RemoteStart& own) {
  if (start.by != own.by || start.vm_id != own.vm_id) return Fence::Owner::kOther;
  // Where the kernel does not tell its boots apart, each is another.
  const bool is_same = start.boot == own.boot && !own.boot.empty();
  return is_same ? Fence::Owner::kThisBoot : Fence::Owner::kEarlierBoot;
}

}  // namespace

Result<Fence> TakeFence(artifact::Store& store, const attempt::RemoteKeys& keys,
                        const attempt::RemoteStart& own, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const bool created,
             store.CreateText(keys.start, attempt::StartToJson(own), interrupt));
  if (created) return Fence{Fence::Owner::kThisBoot, false, own};
  TRY_ASSIGN(const std::string text, store.GetText(keys.start, interrupt));
  TRY_ASSIGN(attempt::RemoteStart start, attempt::StartFromJson(text));
  const Fence::Owner owner = OwnerOf(start, own);
  return Fence{owner, owner == Fence::Owner::kThisBoot, std::move(start)};
}

}  // namespace busker::runner
