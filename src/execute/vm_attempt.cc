#include "execute/vm_attempt.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "attempt/folder.h"
#include "attempt/order.h"
#include "base/text.h"
#include "execute/exit_of.h"
#include "execute/vm_attempt_parts.h"
#include "execute/vm_boot.h"
#include "io/boot.h"

namespace busker::execute {
namespace {

using attempt::Ending;
using attempt::ExitRecord;
using attempt::RemoteStart;

constexpr std::size_t kHeadBytesMax = 16u << 10;           // of what we say in a log
constexpr Milliseconds kLater = std::chrono::minutes(10);  // until somebody wakes us

}  // namespace

VmAttempt::VmAttempt(const VmSurroundings& around, Attempt attempt, ComputeSettings settings,
                     bool is_recovered)
    : around_(around),
      attempt_(std::move(attempt)),
      settings_(std::move(settings)),
      remote_{around.instance, attempt_.name},
      keys_(remote_),
      folder_(attempt::FolderOf(around.folder, attempt_.name)),
      vm_(VmName(remote_)),
      is_recovered_(is_recovered) {}

VmAttempt VmAttempt::Leftover(const VmSurroundings& around, const attempt::Name& name,
                              const std::string& store_url) {
  Attempt attempt;
  attempt.name = name;
  ComputeSettings settings;
  settings.store = store_url;
  VmAttempt leftover(around, std::move(attempt), std::move(settings), true);
  leftover.is_leftover_ = true;
  return leftover;
}

io::Interrupt VmAttempt::Limit() const { return io::Within(kCallLimit, stop_); }

Result<std::unique_ptr<artifact::Store>> VmAttempt::Store() const {
  return artifact::OpenStore(settings_.store);
}

// The pause grows while errors follow each other, and is that of the step else. What cannot pass is
// tried again as well: it is for whoever reads the log or the debts to mend.
std::optional<Milliseconds> VmAttempt::Step(const Seen& seen, bool is_stopped,
                                            const std::stop_token& stop) {
  seen_ = seen;
  is_stopped_ = is_stopped;
  stop_ = stop;
  if (begun_at_ == Instant{}) begun_at_ = Now();
  const auto phase_before = phase_;
  const bool had_ended = end_.has_value();
  auto next = Next();
  was_tidied_ |= had_ended;
  if (phase_ != phase_before) poll_ = Milliseconds(0);
  if (next) {
    pause_ = Milliseconds(0);
    silence_.reset();
    return *next;
  }
  NoteSilence(next.error().message);
  if (next.error().message != said_ && !stop.stop_requested() && !end_) {
    said_ = next.error().message;
    Say(said_ + "; trying again.");
  }
  pause_ = pause_ == Milliseconds(0) ? around_.times.pause_first
                                     : std::min(2 * pause_, around_.times.pause_max);
  return pause_;
}

VmAttempt::Pause VmAttempt::Next() {
  if (!is_loaded_) return Load();
  if (end_) return Tidy();
  if (!phase_) return Prepare();
  // The store did not answer when the fence was to be ours.
  const bool is_fenced = *phase_ != VmPhase::kAsked && *phase_ != VmPhase::kComing;
  if (!is_fenced && intent_->given_up) return GiveUp(*intent_->given_up, intent_->why);
  switch (*phase_) {
    case VmPhase::kAsked:
      return AwaitInsert();
    case VmPhase::kComing:
      return AwaitStart();
    case VmPhase::kBegun:
      return AwaitEnd();
    case VmPhase::kGivenUp:
      return EndGivenUp();
    case VmPhase::kOver:
      return Tidy();
  }
  return std::nullopt;
}

// What an earlier busker knew of it.
VmAttempt::Pause VmAttempt::Load() {
  if (auto made = io::MakeFolders(folder_, 0700); !made && !is_leftover_) {
    if (IsPassing(made.error())) return tl::unexpected(made.error());
    return End(Ended(Ending::kNotStarted, made.error().message));
  }
  auto ended = ReadExitOf(attempt_.name, folder_);
  if (!ended && IsPassing(ended.error())) return tl::unexpected(ended.error());
  auto intent = ReadIntent(folder_);
  if (!intent && IsPassing(intent.error())) return tl::unexpected(intent.error());
  if (!intent) {
    is_loaded_ = true;
    end_ = Unknown(intent.error());
    phase_ = VmPhase::kOver;
    return Milliseconds(0);
  }
  intent_ = *std::move(intent);
  if (intent_) {
    head_ = intent_->said;
    is_head_whole_ = intent_->has_said_all;
  }
  is_loaded_ = true;
  if (!ended) end_ = Unknown(ended.error());
  if (ended && *ended) end_ = **std::move(ended);
  if (is_leftover_) {
    is_end_taken_ = true;
    if (!end_) end_ = Ended(Ending::kLost, "");
  }
  if (end_) {
    if (end_->has_value() && IsKeptFor(**end_)) {
      kept_until_ = (*end_)->ended_at + settings_.keep_on_failure;
    }
    phase_ = VmPhase::kOver;
    return Milliseconds(0);
  }
  if (intent_ && intent_->asks.empty()) intent_.reset();
  if (intent_) {
    is_loaded_ = false;  // not before it is known who owns the start
    TRY_ASSIGN(const bool is_owned, ReadStart());
    is_loaded_ = true;
    phase_ = VmPhase::kAsked;
    if (!intent_->given_up) ask().is_free = false;  // a VM may have come of it since
    if (is_owned && start_->by == RemoteStart::kByMachine) phase_ = VmPhase::kBegun;
    if (is_owned && start_->by != RemoteStart::kByMachine) phase_ = VmPhase::kGivenUp;
    return Milliseconds(0);
  }
  if (is_recovered_ && !attempt_.synced) {
    // Of what was not synced a power cut may have taken the rest.
    const auto order = attempt::Open(attempt_.order);
    if (!order || order->boot.empty() || order->boot != io::BootId()) {
      return End(Ended(Ending::kLost,
                       "this machine was restarted before it was known whether the attempt had "
                       "begun; it is not started a second time"));
    }
  }
  return Milliseconds(0);
}

VmAttempt::Pause VmAttempt::End(ExitRecord record) {
  if (log_) TRY(log_->Sync());
  if (IsKeptFor(record)) kept_until_ = record.ended_at + settings_.keep_on_failure;
  if (auto kept =
          io::WriteFileAtomically(folder_ / attempt::kExitFile, attempt::ExitToJson(record), 0600);
      !kept) {
    if (IsPassing(kept.error())) return tl::unexpected(kept.error());
    end_ = Unknown(kept.error());
  } else {
    end_ = std::move(record);
  }
  phase_ = VmPhase::kOver;
  poll_ = Milliseconds(0);
  return Milliseconds(0);
}

Result<void> VmAttempt::Remember() {
  VmIntent intent = intent_.value_or(VmIntent{});
  intent.said = head_;
  intent.has_said_all = is_head_whole_;
  return WriteIntent(folder_, intent);
}

std::optional<Result<ExitRecord>> VmAttempt::TakeEnd() {
  if (!was_tidied_ || is_end_taken_) return std::nullopt;
  is_end_taken_ = true;
  return end_;
}

// The VM, then the objects: as long as it may be there it may look at them.
VmAttempt::Pause VmAttempt::Tidy() {
  if (Now() < kept_until_) return std::min<Milliseconds>(kept_until_ - Now(), kLater);
  TRY_ASSIGN(const bool is_clear, Clear());
  if (!is_clear) return Poll();
  TRY_ASSIGN(const auto store, Store());
  TRY(store->RemoveAll(keys_.prefix, io::Within(kFileLimit, stop_)));
  return std::nullopt;
}

ExitRecord VmAttempt::Ended(Ending ending, std::string message) const {
  ExitRecord exit;
  exit.run = attempt_.name.run;
  exit.task = attempt_.name.task;
  exit.number = attempt_.name.number;
  exit.ending = ending;
  exit.message = std::move(message);
  exit.started_at = begun_at_ == Instant{} ? Now() : begun_at_;
  exit.ended_at = Now();
  return exit;
}

// False: nobody owns the start yet.
Result<bool> VmAttempt::ReadStart() {
  TRY_ASSIGN(const auto store, Store());
  const auto text = store->GetText(keys_.start, Limit(), kSmallBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return false;
  if (!text) return tl::unexpected(text.error());
  auto start = attempt::StartFromJson(*text);
  if (!start) return tl::unexpected(start.error());
  start_ = *std::move(start);
  return true;
}

// It begins with what was said of the attempt, by earlier buskers too: whoever has copied a part of
// the log goes on where that ends.
Result<void> VmAttempt::OpenLog() {
  if (log_) return {};
  TRY_ASSIGN(log_, attempt::LogWriter::Create(folder_, kLogBytesMax, kLogBytesMax));
  return log_->Append(head_);
}

Result<void> VmAttempt::AddToHead(const std::string& text, bool is_last) {
  TRY(OpenLog());
  const std::size_t before = head_.size();
  const bool fits = before + text.size() <= kHeadBytesMax;
  if (fits) head_ += text;
  is_head_whole_ = is_last;
  if (auto kept = Remember(); !kept) {
    head_.resize(before);
    is_head_whole_ = false;
    return kept;
  }
  return fits ? log_->Append(text) : Result<void>();
}

// What follows is the program's.
Result<void> VmAttempt::EndHead() {
  if (is_head_whole_) return {};
  return AddToHead(start_ ? fmt::format("{} in {} has begun.\n", vm_, Printable(start_->zone)) : "",
                   true);
}

// For people: nothing depends on it.
void VmAttempt::Say(const std::string& line) {
  if (is_loaded_ && !is_head_whole_) (void)AddToHead(Printable(line) + "\n", false);
}

// Short at first, so that what takes a moment is seen at once.
Milliseconds VmAttempt::Poll() {
  poll_ = poll_ == Milliseconds(0) ? around_.times.poll_first
                                   : std::min(2 * poll_, around_.times.poll_max);
  return poll_;
}

// Of one that is over, what cannot be done is a debt.
void VmAttempt::NoteSilence(const std::string& why) {
  if (end_ || stop_.stop_requested()) return;
  const Instant since = silence_ ? silence_->since : Now();
  const std::string zone = intent_ && !intent_->asks.empty()
                               ? fmt::format("{} of ", intent_->asks.back().zone)
                               : std::string();
  silence_ = {attempt_.name, "VM " + vm_, zone + around_.engine.project(), why, since};
}

std::vector<Debt> VmAttempt::debts() const {
  std::vector<Debt> all;
  for (const auto& [zone, debt] : debts_) all.push_back(debt);
  return all;
}

}  // namespace busker::execute
