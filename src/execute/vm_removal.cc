// What is there of an attempt's VMs, and how they are taken away.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "execute/vm_attempt.h"
#include "execute/vm_attempt_parts.h"
#include "execute/vm_boot.h"
#include "execute/vm_sweep.h"

namespace busker::execute {
namespace {

VmSight SightOf(VmStatus status) {
  switch (status) {
    case VmStatus::kComing:
      return VmSight::kComing;
    case VmStatus::kRunning:
      return VmSight::kRunning;
    case VmStatus::kStopping:
      return VmSight::kStopping;
    case VmStatus::kStopped:
      return VmSight::kStopped;
  }
  return VmSight::kUnknown;
}

}  // namespace

using attempt::RemoteStart;

// Is nothing of ours there any more, in any zone? Else it is on its way to that.
Result<bool> VmAttempt::Clear() {
  if (!intent_) return is_recovered_ ? ClearAllZones() : true;
  bool all = true;
  std::optional<Error> failure;
  for (VmAsk& one : intent_->asks) {
    if (one.is_free) continue;
    const auto cleared = ClearZone(one);
    if (!cleared) failure = cleared.error();
    all &= cleared && *cleared;
  }
  if (failure) return tl::unexpected(*failure);
  return all;
}

// Nobody knows in which zones it was.
Result<bool> VmAttempt::ClearAllZones() {
  TRY_ASSIGN(const ComputeListing listing, around_.engine.Vms(kVmAttemptLabel, vm_, Limit()));
  bool all = listing.unreachable.empty();
  std::optional<Error> failure;
  for (const ComputeResource& vm : listing.resources) {
    if (AttemptOf(vm, around_.instance) != attempt_.name) continue;
    all = false;
    if (IsKeptBy(KeepIn(vm))) continue;
    if (const auto deleted = Delete(vm.zone); !deleted) failure = deleted.error();
  }
  if (failure) return tl::unexpected(*failure);
  if (all) debts_.clear();
  return all;
}

Result<bool> VmAttempt::ClearZone(VmAsk& one) {
  const VmPhase phase = phase_ == VmPhase::kOver ? VmPhase::kOver : VmPhase::kGivenUp;
  const auto sight = Look(one.zone);
  if (!sight) {
    Owe(one.zone, sight.error().message);
    return tl::unexpected(sight.error());
  }
  const VmDeed deed = DeedFor(phase, sight->what);
  if (deed == VmDeed::kLetGo) {
    // What was sent and not answered may arrive yet.
    TRY_ASSIGN(const bool may_come, MayYetCome(one));
    if (may_come) return false;
    one.is_free = true;
    debts_.erase(one.zone);
    removals_.erase(one.zone);
    TRY(Remember());
    return true;
  }
  if (deed != VmDeed::kDelete) return false;
  if (one.vm_id.empty()) one.vm_id = sight->vm_id;
  if (is_leftover_ && IsKeptBy(sight->keep)) return false;
  TRY(Delete(one.zone));
  return false;
}

// By what the metadata of a VM that an earlier busker made say of it.
bool VmAttempt::IsKeptBy(Milliseconds keep) {
  const bool has_failed = end_ && *end_ && IsFailure(**end_);
  if (!has_failed || Now() >= (*end_)->ended_at + keep) return false;
  kept_until_ = (*end_)->ended_at + keep;
  return true;
}

// Unless it was asked for a moment ago.
Result<void> VmAttempt::Delete(const std::string& zone) {
  Removal& removal = removals_[zone];
  const Instant now = Now();
  if (removal.since == Instant{}) removal.since = now;
  if (now < removal.last + around_.times.delete_again) {
    if (now >= removal.since + around_.times.debt_after) {
      Owe(zone, fmt::format("it was deleted {} ago and is still there",
                            FormatDuration(now - removal.since)));
    }
    return {};
  }
  if (!start_ || start_->by == RemoteStart::kByBusker) SaveConsole(zone);
  const std::string request = NewUuid();
  removal.requests.insert(request);
  const auto answer = around_.engine.Delete(zone, vm_, request, Limit());
  if (!answer) {
    Owe(zone, answer.error().message);
    return tl::unexpected(answer.error());
  }
  if (answer->fault) {
    const Error error = ErrorOf(*answer->fault, fmt::format("delete {} in {}", vm_, zone));
    Owe(zone, error.message);
    return tl::unexpected(error);
  }
  removal.last = now;
  return {};
}

// What was sent and not answered may arrive yet, and what is being made may not be shown yet.
Result<bool> VmAttempt::MayYetCome(const VmAsk& one) {
  if (!one.refusal.empty()) return false;
  if (one.operation.empty()) {
    return Now() < std::max(sent_at_, one.asked_at) + around_.times.doubt;
  }
  if (Now() >= one.asked_at + around_.times.start_within) return false;
  TRY_ASSIGN(const auto operation, around_.engine.Operation(one.zone, one.operation, Limit()));
  return operation && !operation->is_done;
}

// Ours is what has our labels, and the digest of our order.
Result<VmAttempt::Sight> VmAttempt::Look(const std::string& zone) {
  TRY_ASSIGN(const auto found, around_.engine.Get(zone, vm_, Limit()));
  if (!found) return Sight{VmSight::kAbsent};
  const auto is = [](const std::map<std::string, std::string>& map, const char* key,
                     const std::string& value) {
    const auto at = map.find(key);
    return at != map.end() && at->second == value;
  };
  const bool is_ours = is(found->labels, kVmAttemptLabel, vm_) &&
                       is(found->metadata, attempt::kAttemptAttribute, remote_.Text()) &&
                       is(found->metadata, attempt::kOrderAttribute, intent_->order_sha256);
  Sight sight{is_ours ? SightOf(found->status) : VmSight::kForeign, found->id};
  if (is_ours) sight.keep = KeepIn(*found);
  return sight;
}

void VmAttempt::SaveConsole(const std::string& zone) {
  if (!consoles_.insert(zone).second) return;
  const auto text = around_.engine.SerialOutput(zone, vm_, Limit());
  if (!text || !*text || (*text)->empty()) return;
  (void)io::WriteFileAtomically(folder_ / kConsoleFile, **text, 0600);
  const std::size_t at = (*text)->rfind(kNeverStarted);
  if (at == std::string::npos) return;
  const std::size_t begin = at + std::string_view(kNeverStarted).size();
  console_reason_ =
      Printable(Trim((*text)->substr(begin, (*text)->find_first_of("\r\n", begin) - begin)));
}

void VmAttempt::Owe(const std::string& zone, const std::string& why) {
  const auto known = debts_.find(zone);
  const Instant since = known == debts_.end() ? Now() : known->second.since;
  debts_[zone] = {attempt_.name, "VM " + vm_,
                  fmt::format("{} of {}", zone, around_.engine.project()), why, since};
}

}  // namespace busker::execute
