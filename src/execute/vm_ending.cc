// An attempt whose program runs on its VM, until it is known how it ended.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "attempt/sealed_secrets.h"
#include "base/text.h"
#include "execute/secret_values.h"
#include "execute/vm_attempt.h"
#include "execute/vm_attempt_parts.h"
#include "execute/vm_boot.h"

namespace busker::execute {

using attempt::Ending;
using attempt::ExitRecord;

// Its program runs, as far as is known: log and exit record are followed, and the VM is looked at.
VmAttempt::Pause VmAttempt::AwaitEnd() {
  if (!start_) TRY(ReadStart());
  if (start_) (void)EndHead();
  // One name may be in two zones: the VM that owns the start counts.
  if (start_ && !start_->zone.empty() && ask().zone != start_->zone) {
    const auto owner = std::find_if(intent_->asks.begin(), intent_->asks.end(),
                                    [&](const VmAsk& one) { return one.zone == start_->zone; });
    if (owner != intent_->asks.end()) {
      std::rotate(owner, owner + 1, intent_->asks.end());
      ask().is_free = false;
      TRY(Remember());
    }
  }
  if (seen_.exit) return TakeExit();
  if (is_stopped_) return StopBegun();
  TRY(HandSecrets());
  TRY(FetchLog(seen_.log_parts));
  if (!gone_since_ && Now() < looked_at_ + around_.times.look_each) {
    return log_parts_ < seen_.log_parts
               ? Milliseconds(0)
               : std::max<Milliseconds>(looked_at_ + around_.times.look_each - Now(),
                                        around_.times.poll_first);
  }
  const auto looked = Look(ask().zone);
  if (!looked) return IsPastLife() ? SettleBegun(false) : tl::unexpected(looked.error());
  const Sight& sight = *looked;
  looked_at_ = Now();
  const VmDeed deed = DeedFor(VmPhase::kBegun, sight.what);
  const bool is_other = !ask().vm_id.empty() && !sight.vm_id.empty() && sight.vm_id != ask().vm_id;
  if (deed == VmDeed::kSettle || is_other) {
    return SettleBegun(sight.what == VmSight::kAbsent || sight.what == VmSight::kForeign);
  }
  gone_since_.reset();
  return sight.what == VmSight::kStopping ? Poll() : around_.times.look_each;
}

// The guest is told by the deletion; what it still says counts.
VmAttempt::Pause VmAttempt::StopBegun() {
  const auto is_clear = Clear();
  if (!is_clear) return IsPastLife() ? SettleBegun(false) : tl::unexpected(is_clear.error());
  if (!*is_clear) return Poll();
  return SettleBegun(true);
}

// By then its own time limit has ended the VM, whether we are shown that or not.
bool VmAttempt::IsPastLife() {
  return Now() >= ask().asked_at + VmLimit(settings_) + around_.times.start_within;
}

// The VM will not go on. What it said last is in the store, or nothing is.
VmAttempt::Pause VmAttempt::SettleBegun(bool is_gone) {
  if (!gone_since_) gone_since_ = Now();
  const auto looked = [&]() -> Result<bool> {
    TRY_ASSIGN(const auto store, Store());
    const auto text = store->GetText(keys_.exit, Limit(), kSmallBytesMax);
    if (text) return true;
    if (text.error().kind == ErrorKind::kNotFound) return false;
    return tl::unexpected(text.error());
  }();
  if (looked && *looked) return TakeExit();
  const bool gives_up = Now() >= *gone_since_ + around_.times.store_within;
  if (!looked && !gives_up) return tl::unexpected(looked.error());
  Who who{Ending::kCancelled, "it was stopped"};
  if (!is_stopped_) {
    TRY_ASSIGN(who, WhoEnded(ask()));
  }
  std::string message = who.words;
  if (!looked) message += "; its exit record cannot be looked for: " + looked.error().message;
  if (is_gone) ask().is_free = true;
  return End(Ended(who.ending, message));
}

VmAttempt::Pause VmAttempt::TakeExit() {
  TRY_ASSIGN(const auto store, Store());
  TRY_ASSIGN(const std::string text, store->GetText(keys_.exit, Limit(), kSmallBytesMax));
  // All of the log is there before it.
  TRY_ASSIGN(const auto parts, store->List(keys_.log, io::Within(kFileLimit, stop_)));
  while (log_parts_ < parts.size()) TRY(FetchLog(parts.size()));
  if (log_) TRY(log_->Sync());
  auto record = attempt::ExitFromJson(text);
  const bool is_ours =
      record && attempt::Name{record->run, record->task, record->number} == attempt_.name;
  if (!is_ours) {
    return End(Ended(Ending::kLost, fmt::format("the VM left an exit record that is none of this "
                                                "attempt's, and how it ended is not known{}",
                                                record ? "" : ": " + record.error().message)));
  }
  const bool was_ended =
      record->ending == Ending::kLost || (record->ending == Ending::kCancelled && !is_stopped_);
  Who who;
  if (was_ended) {
    TRY_ASSIGN(who, WhoEnded(ask()));
  }
  return End(Judged(*std::move(record), who));
}

// What the record does not know: that we were told to stop, and who ended the VM.
ExitRecord VmAttempt::Judged(ExitRecord record, const Who& who) const {
  if (record.started_at == Instant{}) record.started_at = begun_at_;
  if (record.ended_at == Instant{}) record.ended_at = Now();
  if (start_ && intent_ && !intent_->asks.empty()) {
    const Instant asked = intent_->asks.back().asked_at;
    if (start_->started_at > asked) record.boot = start_->started_at - asked;
    record.machine = std::max(Now() - asked, Milliseconds(0));
    if (IsKeptFor(record)) *record.machine += settings_.keep_on_failure;
  }
  const bool was_ended = record.ending == Ending::kLost || record.ending == Ending::kPreempted;
  if (is_stopped_ && was_ended) {
    record.ending = Ending::kCancelled;
    record.message = "it was stopped";
  } else if (record.ending == Ending::kCancelled && !is_stopped_) {
    // The program was told to stop with its VM, and not by us.
    record.ending = who.ending;
    record.message = who.words;
  } else if (record.ending == Ending::kLost && !who.words.empty()) {
    record.ending = who.ending;
    record.message += (record.message.empty() ? "" : "; ") + who.words;
  }
  if (IsKeptFor(record)) {
    const Instant until = record.ended_at + settings_.keep_on_failure;
    record.message +=
        fmt::format("; the VM stays until {}: gcloud compute ssh {} --zone {} --project {}{}",
                    FormatRfc3339(until), vm_, intent_->asks.back().zone, settings_.place.project,
                    settings_.has_public_ip ? "" : " --tunnel-through-iap");
  }
  return record;
}

bool VmAttempt::IsKeptFor(const ExitRecord& record) const {
  if (settings_.keep_on_failure == Milliseconds(0) || !intent_ || intent_->asks.empty()) {
    return false;
  }
  return IsFailure(record);
}

// For the VM that was made for this attempt, and no other: by its id.
Result<void> VmAttempt::HandSecrets() {
  if (has_handed_secrets_ || attempt_.secrets.empty() || !start_ || start_->public_key.empty()) {
    return {};
  }
  if (ask().vm_id.empty()) {
    TRY_ASSIGN(const Sight sight, Look(ask().zone));
    if (sight.what != VmSight::kForeign) ask().vm_id = sight.vm_id;
  }
  if (ask().vm_id.empty() || ask().vm_id != start_->vm_id) return {};
  TRY_ASSIGN(const auto store, Store());
  TRY_ASSIGN(const std::string sealed,
             attempt::SealSecrets(ValuesOf(attempt_.secrets, around_.secret_of), start_->public_key,
                                  remote_));
  TRY(store->CreateText(keys_.secrets, sealed, Limit()));
  has_handed_secrets_ = true;
  return {};
}

Result<void> VmAttempt::FetchLog(std::uint64_t parts) {
  if (log_parts_ >= parts) return {};
  TRY(OpenLog());
  TRY(EndHead());
  TRY_ASSIGN(const auto store, Store());
  std::vector<std::string> keys;
  for (std::uint64_t part = log_parts_; part < parts && keys.size() < kLogPartsAtOnceMax; ++part) {
    keys.push_back(keys_.LogPart(part));
  }
  const auto texts = store->GetTexts(keys, io::Within(kFileLimit, stop_),
                                     attempt::kLogPartBytesMax + kSmallBytesMax);
  for (const auto& text : texts) {
    if (!text) return tl::unexpected(text.error());
    TRY(log_->Append(*text));
    ++log_parts_;
  }
  return {};
}

// By Compute Engine's own account of it (compute/docs/instances/... reports of operations): the
// last operation that ends a VM.
Result<VmAttempt::Who> VmAttempt::WhoEnded(const VmAsk& ask) {
  const std::string unknown = "its VM is gone, and who ended it is not known";
  if (ask.vm_id.empty()) return Who{Ending::kLost, unknown};
  if (!who_asked_at_) who_asked_at_ = Now();
  const auto operations = around_.engine.OperationsOn(ask.zone, ask.vm_id, Limit());
  if (!operations) {
    const bool goes_on =
        IsPassing(operations.error()) && Now() < *who_asked_at_ + around_.times.who_within;
    if (goes_on) return tl::unexpected(operations.error());
    return Who{Ending::kLost, fmt::format("{}: {}", unknown, operations.error().message)};
  }
  who_asked_at_.reset();
  std::set<std::string> ours;
  for (const auto& [zone, removal] : removals_) {
    ours.insert(removal.requests.begin(), removal.requests.end());
  }
  Who who{Ending::kLost, unknown};
  for (const ComputeOperation& one : *operations) {
    if (one.kind == "compute.instances.preempted") {
      return Who{Ending::kPreempted, "the Spot VM was preempted"};
    }
    if (one.kind == "compute.instances.deferredDelete" ||
        one.kind == "compute.instances.deferredStop") {
      who.words =
          fmt::format("the VM's time limit of {} ended it", FormatDuration(VmLimit(settings_)));
    } else if (one.kind == "compute.instances.hostError") {
      who.words = "the machine under the VM failed";
    } else if (one.kind == "compute.instances.terminateOnHostMaintenance") {
      who.words = "the machine under the VM was taken away for maintenance";
    } else if (one.kind == "compute.instances.guestTerminate") {
      who.words = "the VM was switched off from within";
    } else if (one.kind == "delete" || one.kind == "stop" || one.kind == "suspend" ||
               one.kind == "reset") {
      if (ours.contains(one.request_id)) continue;
      const bool is_itself = one.user == settings_.service_account;
      // It deletes itself whoever has stopped it.
      if (is_itself && who.words != unknown) continue;
      who.words = is_itself ? "the VM deleted itself"
                            : fmt::format("{} asked Compute Engine to {} the VM",
                                          Printable(one.user), one.kind);
    }
  }
  return who;
}

}  // namespace busker::execute
