// How an attempt comes to a VM, or to the word that it will have none: from nothing asked to begun
// or given up.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "artifact/clearable_store.h"
#include "attempt/runner_copy.h"
#include "base/text.h"
#include "cloud/google_access.h"
#include "execute/secret_values.h"
#include "execute/vm_attempt.h"
#include "execute/vm_attempt_parts.h"
#include "execute/vm_boot.h"
#include "io/digest.h"

namespace busker::execute {
namespace {

using attempt::Ending;
using attempt::ExitRecord;
using attempt::RemoteStart;

constexpr Milliseconds kRunnerKnown = std::chrono::hours(1);  // to be there

}  // namespace

// All that a VM needs is there before the VM.
VmAttempt::Pause VmAttempt::Prepare() {
  if (is_stopped_) return End(Ended(Ending::kCancelled, "it was stopped before it began"));
  for (const std::string& name : attempt_.secrets) {
    if (!around_.secret_of) break;
    if (const auto value = around_.secret_of(name); !value) {
      return End(Ended(Ending::kNotStarted, value.error().message));
    }
  }
  const auto prepared = [&]() -> Result<void> {
    TRY(PutOrder());
    return PutRunner();
  }();
  if (prepared) return phase_ ? Pause(Milliseconds(0)) : AskNext();
  const bool goes_on =
      IsPassing(prepared.error()) && Now() < begun_at_ + around_.times.start_within;
  if (goes_on) return tl::unexpected(prepared.error());
  return End(Ended(Ending::kNotStarted, fmt::format("the artifact store {}: {}", settings_.store,
                                                    prepared.error().message)));
}

// The order that is there counts, once there may be a VM that has read it.
Result<void> VmAttempt::PutOrder() {
  TRY_ASSIGN(const auto store, Store());
  intent_ = VmIntent{};
  intent_->name = vm_;
  intent_->order_sha256 = io::Sha256Of(attempt_.order);
  intent_->is_spot = attempt_.preemptions < settings_.spot_attempts;
  TRY_ASSIGN(const bool is_made, store->CreateText(keys_.order, attempt_.order, Limit()));
  if (is_made) return {};
  TRY_ASSIGN(const bool is_owned, ReadStart());
  if (is_owned) {
    // The folder was lost since: what it said is gone, and the VM may live.
    VmAsk& lost = intent_->asks.emplace_back();
    lost.zone = start_->zone.empty() ? settings_.place.zones.front() : start_->zone;
    lost.request = NewUuid();
    lost.asked_at = Now();
    lost.vm_id = start_->vm_id;
    TRY(Remember());
    phase_ = start_->by == RemoteStart::kByMachine ? VmPhase::kBegun : VmPhase::kGivenUp;
    return {};
  }
  TRY_ASSIGN(const std::string there, store->GetText(keys_.order, Limit()));
  TRY_ASSIGN(const bool is_ours, store->ReplaceText(keys_.order, there, attempt_.order, Limit()));
  if (is_ours) return {};
  return Temporary("the order was replaced by somebody else");
}

Result<void> VmAttempt::PutRunner() {
  TRY_ASSIGN(const auto store, artifact::OpenClearableStore(settings_.store));
  const Instant now = Now();
  TRY_ASSIGN(runner_sha256_,
             attempt::PutRunner(*store, around_.runner, now, io::Within(kFileLimit, stop_)));
  runner_put_at_ = now;
  return {};
}

// In the first zone that has not refused yet; none: that is how it ends.
VmAttempt::Pause VmAttempt::AskNext() {
  const auto is_open = [&](const std::string& zone) {
    return std::none_of(intent_->asks.begin(), intent_->asks.end(), [&](const VmAsk& one) {
      return (one.has_no_room && one.zone == zone) ||
             (one.has_no_quota && RegionOf(one.zone) == RegionOf(zone));
    });
  };
  const auto& zones = settings_.place.zones;
  const auto zone = std::find_if(zones.begin(), zones.end(), is_open);
  if (zone == zones.end()) {
    std::string why;
    for (const VmAsk& one : intent_->asks) {
      if (!one.refusal.empty()) why += fmt::format("; in {}: {}", one.zone, one.refusal);
    }
    return GiveUp(Ending::kNotStarted, "no VM could be had" + why);
  }
  TRY(Intend(*zone, Now()));
  phase_ = VmPhase::kAsked;
  Say(fmt::format("Asking for a VM in {} ({}{}).", *zone, settings_.machine_type,
                  intent_->is_spot ? ", Spot" : ""));
  return SendInsert();
}

// What is not durable is not asked for.
Result<void> VmAttempt::Intend(std::string zone, Instant asked_at) {
  VmAsk next;
  next.zone = std::move(zone);
  next.request = NewUuid();
  next.asked_at = asked_at;
  intent_->asks.push_back(std::move(next));
  auto remembered = Remember();
  if (!remembered) intent_->asks.pop_back();
  if (remembered) was_sent_ = false;
  return remembered;
}

Result<std::string> VmAttempt::Body(const std::string& zone) {
  TRY_ASSIGN(const auto storage, cloud::FindAccess(cloud::GoogleApi::kStorage));
  TRY_ASSIGN(const auto compute, cloud::FindAccess(cloud::GoogleApi::kCompute));
  return InsertBody({remote_, zone, settings_, intent_->is_spot, intent_->order_sha256,
                     runner_sha256_, storage.endpoint, compute.endpoint,
                     StandInEnvironment(around_.environment)});
}

VmAttempt::Pause VmAttempt::SendInsert() {
  // Where it was asked for by an earlier busker, or long ago.
  if (Now() >= runner_put_at_ + kRunnerKnown) TRY(PutRunner());
  TRY_ASSIGN(const std::string body, Body(ask().zone));
  if (ask().is_free || !ask().refusal.empty()) {
    // It was refused before; what is made now is to be found again.
    ask().is_free = ask().has_no_room = ask().has_no_quota = false;
    ask().refusal.clear();
    TRY(Remember());
  }
  sent_at_ = Now();
  const bool is_first = !std::exchange(was_sent_, true);
  TRY_ASSIGN(ComputeAnswer answer, around_.engine.Insert(ask().zone, body, ask().request, Limit()));
  if (answer.fault) return TakeRefusal(*answer.fault, is_first);
  if (answer.operation) {
    ask().operation = answer.operation->name;
    ask().vm_id = answer.operation->target_id;
    TRY(Remember());
  }
  return Poll();
}

// The next zone is asked, or the attempt fails, only when Compute Engine says that there is none
// here: an operation that has failed is not the last word. `is_first`: the request was not sent
// before, so that nothing can have come of it.
VmAttempt::Pause VmAttempt::TakeRefusal(const ComputeFault& fault, bool is_first) {
  const Trouble trouble = TroubleOf(fault);
  const std::string sentence = SentenceOf(fault);
  // An answer that may be another a little later: the same request again.
  if (trouble == Trouble::kPassing && fault.status != 0) return Temporary(sentence);
  const auto looked = Look(ask().zone);
  if (!looked && (IsPassing(looked.error()) || fault.status == 0)) {
    return tl::unexpected(looked.error());
  }
  if (!looked) {
    // Neither to make nor to see one is allowed: the project, the zone or the role is not right.
    const bool may_be_there =
        !is_first || trouble == Trouble::kTaken || trouble == Trouble::kWithdrawn;
    if (!may_be_there) {
      ask().refusal = sentence;
      ask().is_free = true;
    }
    return GiveUp(Ending::kNotStarted, fmt::format("no VM in {}: {}", ask().zone, sentence));
  }
  const Sight& sight = *looked;
  if (trouble == Trouble::kTaken) {
    return sight.what == VmSight::kAbsent ? Pause(Temporary(sentence)) : TakeSight(sight);
  }
  // It is told who deleted or stopped what was being made, where that is why there is none.
  const auto give_up = [&]() -> Pause {
    Who who{Ending::kNotStarted, ""};
    if (trouble == Trouble::kWithdrawn) {
      TRY_ASSIGN(who, WhoEnded(ask()));
    }
    const bool is_preempted = who.ending == Ending::kPreempted;
    return GiveUp(is_preempted ? Ending::kPreempted : Ending::kNotStarted,
                  who.words.empty() ? fmt::format("no VM in {}: {}", ask().zone, sentence)
                                    : "the VM did not get as far as the program: " + who.words);
  };
  switch (sight.what) {
    case VmSight::kUnknown:
    case VmSight::kStopping:
      return Poll();
    case VmSight::kComing:
    case VmSight::kRunning:
      if (trouble == Trouble::kWithdrawn) return Poll();
      return TakeSight(sight);
    case VmSight::kStopped:
      return give_up();
    case VmSight::kAbsent:
    case VmSight::kForeign:
      break;
  }
  if (is_stopped_) return GiveUp(Ending::kCancelled, "it was stopped before it began");
  ask().refusal = sentence;
  ask().has_no_room = trouble == Trouble::kNoRoom;
  ask().has_no_quota = trouble == Trouble::kNoQuota;
  if (ask().has_no_room || ask().has_no_quota) {
    ask().is_free = true;
    TRY(Remember());
    Say(fmt::format("No VM in {}: {}.", ask().zone, sentence));
    return AskNext();
  }
  const bool is_late = Now() >= intent_->asks.front().asked_at + around_.times.start_within;
  if (trouble != Trouble::kPassing || is_late) return give_up();
  // The same again is another request: the one before is answered as it was.
  ask().is_free = true;
  TRY(Intend(ask().zone, ask().asked_at));
  return Temporary(sentence);
}

VmAttempt::Pause VmAttempt::AwaitInsert() {
  if (seen_.start && !start_) {
    TRY(ReadStart());
    if (start_ && start_->by == RemoteStart::kByMachine) phase_ = VmPhase::kBegun;
    if (start_) return Milliseconds(0);
  }
  if (is_stopped_) return GiveUp(Ending::kCancelled, "it was stopped before it began");
  if (Now() >= ask().asked_at + around_.times.start_within) {
    // Whoever comes back after a while may find one that runs, and has begun nothing.
    const auto looked = Look(ask().zone);
    if (looked && looked->what == VmSight::kRunning) return TakeSight(*looked);
    return GiveUp(Ending::kNotStarted,
                  fmt::format("Compute Engine made no VM in {} within {}", ask().zone,
                              FormatDuration(around_.times.start_within)));
  }
  if (ask().operation.empty()) return LookForAsked();
  TRY_ASSIGN(const auto operation, around_.engine.Operation(ask().zone, ask().operation, Limit()));
  if (!operation) {  // forgotten, since it ended long ago
    ask().operation.clear();
    return LookForAsked();
  }
  if (!operation->is_done) return Poll();
  if (operation->fault) return TakeRefusal(*operation->fault, false);
  ask().vm_id = operation->target_id;
  TRY(Remember());
  phase_ = VmPhase::kComing;
  looked_at_ = Now();
  return Milliseconds(0);
}

// An insert of which nothing is known: by the name.
VmAttempt::Pause VmAttempt::LookForAsked() {
  TRY_ASSIGN(const Sight sight, Look(ask().zone));
  return TakeSight(sight);
}

VmAttempt::Pause VmAttempt::TakeSight(const Sight& sight) {
  switch (DeedFor(VmPhase::kAsked, sight.what)) {
    case VmDeed::kAsk:
      return SendInsert();
    case VmDeed::kRefuse:
      return GiveUp(Ending::kNotStarted,
                    fmt::format("{} in {} is a VM that is not of this attempt; it is left alone",
                                vm_, ask().zone));
    case VmDeed::kSettle:
      return GiveUp(Ending::kNotStarted, "the VM was stopped before its program began");
    case VmDeed::kWait:
    case VmDeed::kDelete:
    case VmDeed::kLetGo:
      break;
  }
  if (sight.what == VmSight::kUnknown || sight.what == VmSight::kStopping) return Poll();
  ask().vm_id = sight.vm_id;
  ask().is_free = false;
  TRY(Remember());
  phase_ = VmPhase::kComing;
  looked_at_ = Now();
  return Milliseconds(0);
}

// It boots: the start fence is waited for.
VmAttempt::Pause VmAttempt::AwaitStart() {
  if (seen_.start && !start_) TRY(ReadStart());
  if (start_) {
    phase_ = start_->by == RemoteStart::kByMachine ? VmPhase::kBegun : VmPhase::kGivenUp;
    return Milliseconds(0);
  }
  if (is_stopped_) return GiveUp(Ending::kCancelled, "it was stopped before it began");
  if (const std::string reason = ConsoleReason(); !reason.empty()) {
    return GiveUp(Ending::kNotStarted, reason);
  }
  if (Now() >= ask().asked_at + around_.times.start_within) {
    return GiveUp(
        Ending::kNotStarted,
        fmt::format("the VM began nothing within {}; the end of its console is in the attempt's "
                    "folder, in the file {}",
                    FormatDuration(around_.times.start_within), kConsoleFile));
  }
  if (Now() < looked_at_ + around_.times.look_each_coming) return Poll();
  // The list of a store with very many objects may take longer than it is given.
  TRY_ASSIGN(const bool is_owned, ReadStart());
  if (is_owned) return Milliseconds(0);
  TRY_ASSIGN(const Sight sight, Look(ask().zone));
  looked_at_ = Now();
  if (DeedFor(VmPhase::kComing, sight.what) != VmDeed::kSettle) return Poll();
  TRY_ASSIGN(const Who who, WhoEnded(ask()));
  const Ending ending = who.ending == Ending::kPreempted ? who.ending : Ending::kNotStarted;
  return GiveUp(ending, "the VM did not get as far as the program: " + who.words);
}

// From here on no VM begins it, or one has before.
VmAttempt::Pause VmAttempt::GiveUp(Ending ending, std::string why) {
  if (!intent_->given_up) {
    intent_->given_up = ending;
    intent_->why = std::move(why);
    TRY(Remember());
  }
  RemoteStart ours;
  ours.by = RemoteStart::kByBusker;
  ours.order_sha256 = intent_->order_sha256;
  ours.started_at = Now();
  const auto fenced = [&]() -> Result<void> {
    TRY_ASSIGN(const auto store, Store());
    TRY_ASSIGN(const bool is_ours,
               store->CreateText(keys_.start, attempt::StartToJson(ours), Limit()));
    if (is_ours) {
      start_ = ours;
      return {};
    }
    TRY_ASSIGN(const bool is_there, ReadStart());
    if (!is_there) return Temporary("the start fence was removed by somebody else");
    return {};
  }();
  if (!fenced) {
    // Whoever was told to stop does not pay for a store that is away.
    if (is_stopped_) (void)Clear();
    return tl::unexpected(fenced.error());
  }
  if (start_->by == RemoteStart::kByMachine) {
    intent_->given_up.reset();
    intent_->why.clear();
    TRY(Remember());
    phase_ = VmPhase::kBegun;
  } else {
    phase_ = VmPhase::kGivenUp;
  }
  return Milliseconds(0);
}

// The fence is ours, so nothing begins any more: a VM that we are not allowed to look at, or to
// delete, is a debt, and no reason to wait.
VmAttempt::Pause VmAttempt::EndGivenUp() {
  const auto is_clear = Clear();
  if (!is_clear && IsPassing(is_clear.error())) return tl::unexpected(is_clear.error());
  if (is_clear && !*is_clear) return Poll();
  if (is_stopped_) return End(Ended(Ending::kCancelled, "it was stopped before it began"));
  // An earlier busker that gave it up has said why before, but for a folder that was lost.
  const std::string why = intent_->why.empty() ? "it was given up before it began" : intent_->why;
  ExitRecord record = Ended(intent_->given_up.value_or(Ending::kNotStarted), why);
  if (!console_reason_.empty() && record.ending == Ending::kNotStarted) {
    record.message = console_reason_;
  }
  return End(std::move(record));
}

// What the boot of a VM says of why it started nothing; it dies with the VM.
std::string VmAttempt::ConsoleReason() {
  const Instant now = Now();
  if (now < console_read_at_ + around_.times.look_each_coming) return {};
  const bool is_first = console_read_at_ == Instant{};
  console_read_at_ = now;
  if (is_first) return {};
  const auto text = around_.engine.SerialOutput(ask().zone, vm_, Limit());
  if (!text || !*text) return {};
  const std::size_t at = (*text)->rfind(kNeverStarted);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + std::string_view(kNeverStarted).size();
  console_reason_ =
      Printable(Trim((*text)->substr(begin, (*text)->find_first_of("\r\n", begin) - begin)));
  return console_reason_;
}

}  // namespace busker::execute
