#include "notify/sender.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "notify/retry.h"

namespace busker::notify {
namespace {

// Two channels with one of these are one receiver, which gets one delivery at a time.
struct ReceiverOf {
  std::string operator()(const Webhook& webhook) const { return "webhook " + webhook.url; }
  std::string operator()(const CommandChannel& command) const {
    return "command " + command.folder.string() + " " + Join(command.words, " ");
  }
  std::string operator()(const Mail& mail) const { return "mail " + mail.url; }
};

}  // namespace

Sender::Sender(Outbox outbox, SenderSettings settings)
    : outbox_(std::move(outbox)), settings_(std::move(settings)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void Sender::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  for_run_.notify_all();
}

void Sender::Run(const std::stop_token& stop) {
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < kWorkers; ++i) workers.emplace_back([this, stop] { Work(stop); });
  while (!stop.stop_requested()) {
    const bool well = Settle() && Start();
    Wait(stop, !well);
  }
  workers.clear();  // joins
  Settle();
}

void Sender::Work(const std::stop_token& stop) {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!for_workers_.wait(lock, stop, [&] { return !to_do_.empty(); })) return;
    if (stop.stop_requested()) return;
    Job job = std::move(to_do_.front());
    to_do_.pop_front();
    lock.unlock();
    SendOptions options = settings_.deliver;
    options.now = settings_.clock();
    options.stop = stop;
    auto delivered = SendOnce(http_, job.pending.channel, job.pending.notice, options);
    Outcome outcome{std::move(job), std::nullopt, false};
    if (!delivered) {
      outcome.stopped = stop.stop_requested();
      outcome.error = std::move(delivered).error();
    }
    lock.lock();
    done_.push_back(std::move(outcome));
    for_run_.notify_all();
  }
}

// Tells the outbox what was done. False when it does not listen: then the rest is told later.
bool Sender::Settle() {
  timed_out_.clear();
  {
    const std::lock_guard lock(mutex_);
    std::move(done_.begin(), done_.end(), std::back_inserter(untold_));
    done_.clear();
  }
  while (!untold_.empty()) {
    const Outcome& outcome = untold_.front();
    if (!outcome.stopped) {
      if (const auto told = Tell(outcome); !told) {
        outbox_.trouble(told.error());
        return false;
      }
    }
    in_flight_.erase(outcome.job.pending.id);
    untold_.erase(untold_.begin());
  }
  return true;
}

Result<void> Sender::Tell(const Outcome& outcome) {
  if (!outcome.error) return outbox_.delivered(outcome.job.pending.id);
  TRY(TellFailed(outcome.job.pending, *outcome.error, outcome.error->message));
  if (outcome.error->kind == ErrorKind::kTimedOut) {
    timed_out_[outcome.job.receiver] = outcome.error->message;
  }
  return {};
}

Result<void> Sender::TellFailed(const Pending& pending, const Error& error,
                                const std::string& message) {
  const auto next = MayTryAgain(error) ? NextTry(pending.notice.at, settings_.clock(),
                                                 pending.tries + 1, pending.notice.key)
                                       : std::nullopt;
  TRY(outbox_.failed(pending.id, next, message));
  if (next) tries_.insert(*next);
  return {};
}

// Hands what is due to the workers, as far as they and the receivers are free; the rest stays in
// the outbox until one of them is. False when the outbox does not answer.
bool Sender::Start() {
  const Instant now = settings_.clock();
  tries_.erase(tries_.begin(), tries_.upper_bound(now));
  if (in_flight_.size() >= kWorkers && timed_out_.empty()) return true;
  auto due = outbox_.take(now);
  if (!due) {
    outbox_.trouble(due.error());
    return false;
  }
  for (Pending& pending : *due) {
    if (in_flight_.contains(pending.id)) continue;
    std::string receiver = std::visit(ReceiverOf{}, pending.channel);
    if (const auto late = timed_out_.find(receiver); late != timed_out_.end()) {
      const auto told = TellFailed(pending, Error{ErrorKind::kTimedOut, ""},
                                   "put off with another for the same receiver: " + late->second);
      if (!told) {
        outbox_.trouble(told.error());
        return false;
      }
      continue;
    }
    const bool busy = in_flight_.size() >= kWorkers ||
                      std::any_of(in_flight_.begin(), in_flight_.end(),
                                  [&](const auto& one) { return one.second == receiver; });
    if (busy) continue;
    in_flight_[pending.id] = receiver;
    const std::lock_guard lock(mutex_);
    to_do_.push_back({std::move(pending), std::move(receiver)});
    for_workers_.notify_one();
  }
  return true;
}

void Sender::Wait(const std::stop_token& stop, bool in_trouble) {
  Milliseconds limit = in_trouble ? settings_.trouble_wait : settings_.look_again;
  if (!in_trouble && !tries_.empty()) {
    // A millisecond at least: a clock that stands still must not make this loop spin.
    limit = std::clamp(*tries_.begin() - settings_.clock(), Milliseconds(1), limit);
  }
  std::unique_lock lock(mutex_);
  if (in_trouble) {
    for_run_.wait_for(lock, stop, limit, [] { return false; });
  } else {
    for_run_.wait_for(lock, stop, limit, [&] { return woken_ || !done_.empty(); });
  }
  woken_ = false;
}

}  // namespace busker::notify
