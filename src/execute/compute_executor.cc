#include "execute/compute_executor.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "artifact/store.h"
#include "attempt/remote.h"
#include "execute/vm_boot.h"

namespace busker::execute {
namespace {

constexpr Milliseconds kListLimit = std::chrono::minutes(5);
// A list that takes long is not asked for again at once: that of many objects costs many calls.
constexpr int kRestOfList = 4;
constexpr Milliseconds kListPauseMax = std::chrono::minutes(1);

// nullptr: it is heard of.
void Renew(std::optional<Silence>& silence, const Error* error, const char* what,
           const std::string& where) {
  if (error == nullptr) {
    silence.reset();
  } else {
    silence = {{}, what, where, error->message, silence ? silence->since : Now()};
  }
}

}  // namespace

ComputeExecutor::ComputeExecutor(Settings settings, OnEnded on_ended)
    : settings_(std::move(settings)),
      on_ended_(std::move(on_ended)),
      engine_(settings_.project),
      around_{engine_,
              settings_.folder,
              settings_.instance,
              settings_.environment,
              settings_.secret_of,
              settings_.runner,
              settings_.times},
      places_(settings_.places_folder) {}

// None where it could not be started.
ComputeExecutor::~ComputeExecutor() {
  if (work_) work_->Stop();
}

Result<std::unique_ptr<ComputeExecutor>> ComputeExecutor::Start(Settings settings,
                                                                OnEnded on_ended) {
  TRY(io::MakeFolders(settings.folder, 0700));
  const std::size_t threads_max = settings.threads_max;
  std::unique_ptr<ComputeExecutor> executor(
      new ComputeExecutor(std::move(settings), std::move(on_ended)));
  TRY_ASSIGN(executor->work_, TimedWork::Start(threads_max));
  return executor;
}

Result<void> ComputeExecutor::Launch(const Attempt& attempt) { return Begin(attempt, false); }

Result<void> ComputeExecutor::Recover(const Attempt& attempt) { return Begin(attempt, true); }

// A place that makes no sense is told now.
Result<void> ComputeExecutor::Begin(const Attempt& attempt, bool is_recovered) {
  TRY_ASSIGN(ComputeSettings settings, ComputeSettingsIn(attempt.place));
  const std::lock_guard lock(mutex_);
  TRY(NoteUse(settings.store));
  settings_.begun->Add(attempt.name);
  Carry(std::make_shared<Carried>(VmAttempt(around_, attempt, std::move(settings), is_recovered)));
  return {};
}

// What is not durable is not begun.
Result<void> ComputeExecutor::NoteUse(const std::string& store_url) {
  if (settings_.place.empty() || stores_in_use_.contains(store_url)) return {};
  std::set<std::string> stores = stores_in_use_;
  stores.insert(store_url);
  if (auto noted = places_.Note(settings_.place, stores); !noted) {
    return Temporary(noted.error().message);
  }
  stores_in_use_ = std::move(stores);
  return {};
}

// Once nothing of ours can be here any more.
void ComputeExecutor::ForgetUse() {
  if (stores_in_use_.empty() || !is_swept_clean_ || !carried_.empty()) return;
  const bool all_seen =
      std::all_of(stores_in_use_.begin(), stores_in_use_.end(),
                  [&](const std::string& store) { return watches_[store].has_looked_back; });
  if (!all_seen) return;
  places_.Forget(settings_.place);
  stores_in_use_.clear();
}

void ComputeExecutor::Carry(std::shared_ptr<Carried> carried) {
  const attempt::Name name = carried->attempt.name();
  carried->is_stopped = stopped_.contains(name);
  carried_[name] = carried;
  unfinished_.erase(name);
  // The jobs begin at once and wait for the lock.
  carried->job =
      work_->Add([this, carried](const std::stop_token& stop) { return Turn(carried, stop); });
  WatchStore(carried->attempt.store_url());
}

void ComputeExecutor::WatchStore(const std::string& store) {
  Watch& watch = watches_[store];
  if (watch.job != 0) return;
  watch.job = work_->Add([this, store](const std::stop_token& stop) { return List(store, stop); });
}

Result<void> ComputeExecutor::Stop(const attempt::Name& name) {
  const std::lock_guard lock(mutex_);
  stopped_.insert(name);  // for one that is yet to come
  const auto found = carried_.find(name);
  if (found == carried_.end()) return {};
  found->second->is_stopped = true;
  work_->Wake(found->second->job);
  return {};
}

ComputeExecutor::Next ComputeExecutor::Turn(const std::shared_ptr<Carried>& carried,
                                            const std::stop_token& stop) {
  VmAttempt& attempt = carried->attempt;
  const attempt::Name name = attempt.name();
  VmAttempt::Seen seen;
  bool is_stopped = false;
  {
    const std::lock_guard lock(mutex_);
    seen = carried->seen;
    is_stopped = carried->is_stopped;
  }
  const auto pause = attempt.Step(seen, is_stopped, stop);
  if (stop.stop_requested()) return std::nullopt;
  {
    const std::lock_guard lock(mutex_);
    carried->debts = attempt.debts();
    carried->silence = attempt.silence();
    if (!pause) {
      carried_.erase(name);
      ForgetUse();
    }
  }
  if (auto end = attempt.TakeEnd()) {
    {
      const std::lock_guard lock(mutex_);
      stopped_.erase(name);
      carried->has_ended = true;
    }
    on_ended_(name, *std::move(end));
  }
  if (pause) return *pause;
  settings_.begun->Remove(name);
  return std::nullopt;
}

// Ends when there is nothing to be seen any more.
ComputeExecutor::Next ComputeExecutor::List(const std::string& store_url,
                                            const std::stop_token& stop) {
  const auto begun = TimedWork::Clock::now();
  const auto keys = [&]() -> Result<std::vector<std::string>> {
    TRY_ASSIGN(const auto store, artifact::OpenStore(store_url));
    return store->List(fmt::format("{}/{}", attempt::kRemoteRoot, settings_.instance),
                       io::Within(kListLimit, stop));
  }();
  if (stop.stop_requested()) return std::nullopt;
  if (keys) TakeList(store_url, *keys);
  const std::lock_guard lock(mutex_);
  Watch& watch = watches_[store_url];
  Renew(watch.silence, keys ? nullptr : &keys.error(), "what its VMs say", store_url);
  const bool is_needed = std::any_of(carried_.begin(), carried_.end(), [&](const auto& one) {
    return one.second->attempt.store_url() == store_url;
  });
  if (!is_needed && (watch.has_looked_back || !stores_in_use_.contains(store_url))) {
    watch.job = 0;
    ForgetUse();
    return std::nullopt;
  }
  if (!is_needed) return settings_.sweep_again;
  const auto took = TimedWork::Clock::now() - begun;
  return std::max<TimedWork::Clock::duration>(
      settings_.list_each, std::min<TimedWork::Clock::duration>(kRestOfList * took, kListPauseMax));
}

// "_busker/HOME/RUN/TASK.N/REST"
void ComputeExecutor::TakeList(const std::string& store_url, const std::vector<std::string>& keys) {
  const std::string root = fmt::format("{}/", attempt::kRemoteRoot);
  std::map<attempt::Name, VmAttempt::Seen> found;
  for (const std::string& key : keys) {
    const std::size_t run = key.find('/', root.size());
    const std::size_t task = run == std::string::npos ? run : key.find('/', run + 1);
    const std::size_t rest = task == std::string::npos ? task : key.find('/', task + 1);
    if (rest == std::string::npos) continue;
    const auto name =
        attempt::ParseRemoteName(std::string_view(key).substr(root.size(), rest - root.size()));
    if (!name || name->home != settings_.instance) continue;
    VmAttempt::Seen& seen = found[name->attempt];
    const attempt::RemoteKeys known(*name);
    if (key == known.start) {
      seen.start = true;
    } else if (key == known.exit) {
      seen.exit = true;
    } else if (key.starts_with(known.log + "/")) {
      ++seen.log_parts;
    }
  }
  std::vector<attempt::Name> leftovers;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, seen] : found) {
    const auto carried = carried_.find(name);
    if (carried == carried_.end()) {
      const bool is_begun =
          settings_.begun->HasOneThat([&](const auto& one) { return one == name; });
      if (!is_begun && !unfinished_.contains(name)) leftovers.push_back(name);
    } else if (!(carried->second->seen == seen)) {
      carried->second->seen = seen;
      work_->Wake(carried->second->job);
    }
  }
  // Once: what is left later is left by us, and has somebody who takes it away.
  if (std::exchange(watches_[store_url].has_looked_back, true)) return;
  for (const attempt::Name& name : leftovers) {
    settings_.begun->Add(name);
    Carry(std::make_shared<Carried>(VmAttempt::Leftover(around_, name, store_url)));
  }
}

Result<void> ComputeExecutor::Sweep(std::span<const attempt::Name> unfinished) {
  {
    const std::lock_guard lock(mutex_);
    unfinished_.insert(unfinished.begin(), unfinished.end());
    stores_in_use_ = places_.StoresOf(settings_.place);
    for (const std::string& store : stores_in_use_) WatchStore(store);
  }
  work_->Add([this](const std::stop_token& stop) { return SweepNow(stop); });
  return {};
}

ComputeExecutor::Next ComputeExecutor::SweepNow(const std::stop_token& stop) {
  const VmSweep sweep{engine_, settings_.instance, settings_.folder,
                      [this](const std::string& vm_name) { return IsAnsweredFor(vm_name); }};
  auto outcome = sweep.Run(stop);
  if (stop.stop_requested()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Renew(sweep_silence_, outcome ? nullptr : &outcome.error(), "VMs that may be left",
        settings_.project);
  if (!outcome) {
    sweep_pause_ = std::clamp(2 * sweep_pause_, settings_.sweep_again, settings_.sweep_each);
    return sweep_pause_;
  }
  sweep_pause_ = Milliseconds(0);
  for (Debt& debt : outcome->debts) {
    const auto known = std::find_if(swept_debts_.begin(), swept_debts_.end(), [&](const Debt& one) {
      return one.what == debt.what && one.where == debt.where;
    });
    if (known != swept_debts_.end()) debt.since = known->since;
  }
  swept_debts_ = std::move(outcome->debts);
  is_swept_clean_ = outcome->is_clean;
  ForgetUse();
  return outcome->is_clean ? settings_.sweep_each : settings_.sweep_again;
}

// `unfinished_` is as old as this busker, and this executor may be much younger: what others have
// begun since is in `begun`.
bool ComputeExecutor::IsAnsweredFor(const std::string& vm_name) const {
  const auto is_it = [&](const attempt::Name& name) {
    return VmName({settings_.instance, name}) == vm_name;
  };
  {
    const std::lock_guard lock(mutex_);
    if (std::any_of(unfinished_.begin(), unfinished_.end(), is_it)) return true;
  }
  return settings_.begun->HasOneThat(is_it);
}

std::vector<Debt> ComputeExecutor::Debts() const {
  const std::lock_guard lock(mutex_);
  std::vector<Debt> all = swept_debts_;
  for (const auto& [name, carried] : carried_) {
    all.insert(all.end(), carried->debts.begin(), carried->debts.end());
  }
  return all;
}

std::vector<Silence> ComputeExecutor::Silences() const {
  const std::lock_guard lock(mutex_);
  std::vector<Silence> all;
  const auto add = [&](const std::optional<Silence>& one, const attempt::Name& name) {
    if (!one || Now() < one->since + settings_.times.silent_after) return;
    all.push_back(*one);
    all.back().attempt = name;
  };
  add(sweep_silence_, {});
  for (const auto& [name, carried] : carried_) {
    const auto watch = watches_.find(carried->attempt.store_url());
    if (carried->silence) {
      add(carried->silence, name);
    } else if (watch != watches_.end() && !carried->has_ended) {
      add(watch->second.silence, name);
    }
  }
  return all;
}

}  // namespace busker::execute
