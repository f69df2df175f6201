#include "daemon/daemon.h"

#include <fmt/core.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>

#include "artifact/store.h"
#include "attempt/order.h"
#include "base/text.h"
#include "dispatch/record_file.h"
#include "execute/open.h"
#include "execute/places_in_use.h"
#include "home/instance.h"
#include "prepare/step.h"
#include "secret/store.h"

namespace busker::daemon {
namespace {

// Files on a network do not tell of changes: everything is looked at so often, too.
constexpr Milliseconds kLookAgain = std::chrono::seconds(60);
constexpr Milliseconds kUnsure{2100};
// Who has nothing to start by itself may have ended before anything has changed.
constexpr Milliseconds kWatchLater{1000};

// What all runs share, as the settings say or the machine has.
plan::Capacity CapacityOf(const service::DaemonSettings& settings) {
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  plan::Capacity capacity;
  capacity.slots = settings.slots > 0 ? settings.slots : cores;
  capacity.cpus_milli = settings.cpus_milli > 0 ? settings.cpus_milli : cores * 1000;
  const auto pages = static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  capacity.memory_bytes = settings.memory_bytes > 0 ? settings.memory_bytes : pages * page_bytes;
  capacity.pools = settings.pools;
  return capacity;
}

// What runs are kept for, or were, and nothing defines now: its runs wait, and say for what.
void TellWhatIsMissing(const catalogue::Catalogue& catalogue, const plan::Agenda& agenda,
                       std::vector<plan::Event>& events) {
  for (const plan::GraphKey& key : agenda.Undefined()) {
    if (catalogue.definitions.contains(key)) continue;
    std::string why = catalogue.WhyMissing(key);
    if (why != agenda.WhyMissing(key)) events.push_back(plan::GraphRemoved{key, std::move(why)});
  }
}

// A version that waits for somebody to approve it.
std::optional<plan::NotifyPeople> ApprovalWanted(const record::AttemptRow& ended) {
  if (ended.result.empty()) return std::nullopt;
  const auto result = prepare::StepResultFrom(ended.result);
  if (!result || !result->ruling || !result->ruling->waits) return std::nullopt;
  const std::string& version = result->ruling->version.timestamp;
  plan::NotifyPeople tell;
  tell.kind = plan::NotifyPeople::Kind::kApproval;
  tell.message = fmt::format("{} waits for approval: {}", version, result->ruling->why);
  tell.version = version;
  return tell;
}

Result<execute::StepEnd> CarryOutStep(const attempt::Order& order,
                                      const execute::MayChange& may_change) {
  TRY_ASSIGN(prepare::StepDone done,
             prepare::CarryOutStep(order.command, order.home, Now(), may_change));
  return execute::StepEnd{std::move(done.sentence), prepare::ToJson(done.result)};
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::Start(const home::Home& home, DaemonOptions options) {
  std::unique_ptr<Daemon> daemon(new Daemon(home, std::move(options)));
  TRY(daemon->Open());
  return daemon;
}

Result<void> Daemon::Open() {
  TRY_ASSIGN(settings_, service::LoadDaemonSettings(home_.SettingsFile().string()));
  TRY_ASSIGN(record_, dispatch::OpenOrMakeRecord(home_, options_.schedules));
  TRY_ASSIGN(home::Instance instance, home::OpenInstance(home_));
  if (instance.renewed) TellOfCopy();
  readers_ = std::make_shared<record::Readers>(home_.RecordUrl());
  definitions_ =
      std::make_unique<catalogue::Definitions>(options_.paths, home_.folder, options_.check_gate);
  catalogue_ = std::make_shared<const catalogue::Catalogue>();
  copier_ = std::make_shared<LogCopier>(
      LogCopier::Setup{CopiedRuns(home_.LogCopiesFolder(), home_.RunsFolder()), home_.RunsFolder(),
                       readers_, options_.warn ? options_.warn : [](const std::string&) {}});
  // A run is never kept from running by the copy of its log.
  const auto expect = [copier = copier_, warn = options_.warn](const std::string& run,
                                                               const CopyTo& to) {
    const auto expected = copier->Expect(run, to);
    if (!expected && warn) {
      warn(fmt::format("the log of run {} is not copied: {}", run, expected.error().message));
    }
  };
  preparation_ = std::make_shared<RunPreparation>(readers_, PlacesOfHome(), options_.target,
                                                  options_.environment, expect);

  dispatch::Deeds deeds;
  deeds.prepare = [preparation = preparation_](const plan::DagRun& run) {
    return preparation->Prepare(run);
  };
  deeds.trouble = [this](const std::string& why) {
    if (!options_.warn) return;
    options_.warn(why.empty() ? "it works again"
                              : why + "; nothing new starts until that is mended");
  };
  deeds.warn = options_.warn;
  deeds.places_in_use = execute::PlacesInUse(home_.folder / "places").All();
  deeds.observe = [this](const plan::Decision& decision) { Observe(decision); };
  if (options_.schedules) {
    deeds.notices = [this](const plan::NotifyPeople& tell, Instant now) {
      return NoticesOf(tell, now);
    };
    deeds.news = ApprovalWanted;
    deeds.send = [this](const std::vector<record::NoticeRow>& rows) { outbox_->Send(rows); };
    outbox_ = std::make_unique<Outbox>(
        settings_.smtp,
        [this](record::NoticeOutcome outcome) { conductor_->Tell(std::move(outcome)); },
        [this](const std::string& trouble) { Say(trouble); });
  }
  const execute::Settings settings{options_.runner,
                                   home_.RunsFolder(),
                                   home::FolderOf(home_),
                                   instance.id,
                                   options_.environment,
                                   [store = secret::Store(home_, options_.environment)](
                                       const std::string& name) { return store.Value(name); },
                                   CarryOutStep,
                                   home_.folder / "places"};
  const execute::OpenExecutor open_executor = [settings](const std::string& place,
                                                         execute::Executor::OnEnded on_ended) {
    return execute::Open(place, settings, std::move(on_ended));
  };
  TRY_ASSIGN(conductor_, dispatch::Conductor::Start(*record_, open_executor, home_.RunsFolder(),
                                                    CapacityOf(settings_), std::move(deeds),
                                                    std::move(instance)));
  requests_ = std::make_unique<Requests>(Requests::Setup{
      *conductor_, announcer_, *readers_, [this] { return catalogue(); },
      [this](const service::Service& service, const std::string& action,
             const std::string& target) { return PlacesOf(service, action, target); },
      since_, options_.schedules, options_.yields ? [this] { Stop(); } : std::function<void()>(),
      options_.make_link,
      [this] { return outbox_ ? outbox_->ListUndelivered() : std::vector<Undelivered>(); },
      [this] { return copier_->ListUncopied(); }, options_.online,
      [this](const std::string& run) { copier_->ExpectAgain(run); }});
  TRY_ASSIGN(watch_,
             catalogue::FolderWatch::Make(options_.schedules ? Milliseconds(0) : kWatchLater));
  Reload();  // before anything else reaches the conductor, which judges what it finds by it
  TRY_ASSIGN(recovered_, conductor_->Recover());
  copier_->TakeUp();
  if (outbox_) {
    TRY_ASSIGN(const auto pending, record_->PendingNotices());
    outbox_->Send(pending);
  }
  conducting_ = std::thread([this] {
    auto ran = conductor_->Run(dispatch::Conductor::Until::kStopped);
    const std::lock_guard lock(ended_mutex_);
    end_ = ran ? Result<void>() : Result<void>(tl::unexpected(ran.error()));
    announcer_.End();
    ended_.notify_all();
  });
  TRY_ASSIGN(server_, Server::Start(home_.Socket(), *requests_));
  watching_ = std::thread([this] { WatchFiles(); });
  if (options_.schedules && settings_.heartbeat) {
    heartbeat_ = std::make_unique<notify::Heartbeat>(
        notify::HeartbeatSettings{settings_.heartbeat->url, settings_.heartbeat->every, "",
                                  std::chrono::seconds(10)},
        [this] { return conductor_->Trouble().empty() && requests_->Turns(); },
        [this](const Error& error) { Say("heartbeat: " + error.message); });
  }
  return {};
}

void Daemon::TellOfCopy() {
  const std::string sentence = fmt::format(
      "the home {} is a copy of another, or was restored: it has a new identity, and nothing that "
      "the other home runs is touched",
      home_.folder.string());
  if (options_.warn) options_.warn(sentence);
  record::EventRow event;
  event.at = Now();
  event.what = "home copied or restored";
  event.actor = "busker";
  event.detail = home_.folder.string();
  (void)record_->AddEvent(event);  // told already
}

Daemon::~Daemon() {
  Stop();  // first: whoever waits for the conductor is refused, instead of waiting to the limit
  heartbeat_.reset();
  if (watch_) watch_->Stop();
  if (watching_.joinable()) watching_.join();
  server_.reset();
  if (conducting_.joinable()) conducting_.join();
  if (copier_) copier_->Stop();
  outbox_.reset();
  conductor_.reset();
}

std::shared_ptr<const catalogue::Catalogue> Daemon::catalogue() const {
  const std::lock_guard lock(catalogue_mutex_);
  return catalogue_;
}

void Daemon::Stop() {
  if (conductor_) conductor_->Stop();
}

Result<void> Daemon::Wait() {
  std::unique_lock lock(ended_mutex_);
  ended_.wait(lock, [&] { return end_.has_value(); });
  return *end_;
}

std::optional<Result<void>> Daemon::WaitFor(Milliseconds limit) {
  std::unique_lock lock(ended_mutex_);
  ended_.wait_for(lock, limit, [&] { return end_.has_value(); });
  return end_;
}

bool Daemon::Idle() {
  auto idle = std::make_shared<std::promise<bool>>();
  auto answer = idle->get_future();
  conductor_->Ask({[](const dispatch::View&) { return std::vector<plan::Event>(); },
                   [idle](const Result<void>& asked, const dispatch::View& view) {
                     idle->set_value(asked && view.agenda.Resting());
                   }});
  return answer.wait_for(std::chrono::seconds(5)) == std::future_status::ready && answer.get() &&
         copier_->Rests();
}

void Daemon::StopServing() { server_.reset(); }

// Definitions as they are now; the conductor is told what has changed. True when something has.
bool Daemon::Reload() {
  const std::lock_guard lock(definitions_mutex_);
  auto next = definitions_->Read();
  watch_->Watch(next->folders, catalogue::FileTriggers::Folders(*next));
  bool changed = false;
  std::vector<plan::Event> events = Replace(next, &changed);
  if (!changed) return false;
  conductor_->Ask({[events = std::move(events), next](const dispatch::View& view) {
                     std::vector<plan::Event> all = events;
                     TellWhatIsMissing(*next, view.agenda, all);
                     return all;
                   },
                   {}});
  return true;
}

// `changed`: something that the conductor is to be told of has; at the start everything has.
std::vector<plan::Event> Daemon::Replace(std::shared_ptr<const catalogue::Catalogue> next,
                                         bool* changed) {
  const auto before = catalogue();
  std::set<std::string> known;
  for (const catalogue::Fault& fault : before->faults) known.insert(fault.file + fault.message);
  for (const catalogue::Fault& fault : next->faults) {
    if (known.erase(fault.file + fault.message) > 0) continue;
    *changed = true;
    Say(fault.file + ": " + fault.message);
  }
  std::vector<plan::Event> events = catalogue::Changes(*before, *next);
  *changed |= !events.empty() || !known.empty() || before->folders.empty();
  for (plan::Event& event : events) {
    auto* defined = std::get_if<plan::GraphDefined>(&event);
    if (defined == nullptr) continue;
    defined->pauses = options_.pauses;
    if (options_.schedules) continue;
    plan::Graph by_hand = *defined->graph;
    by_hand.by_hand = true;
    defined->graph = std::make_shared<const plan::Graph>(std::move(by_hand));
  }
  preparation_->Use(next);
  const std::lock_guard lock(catalogue_mutex_);
  catalogue_ = std::move(next);
  return events;
}

void Daemon::WatchFiles() {
  StartArrivals({});
  bool loaded = true;  // what follows from it is in the making, and will leave memory, too
  while (!watch_->stopped()) {
    const catalogue::FolderWatch::News news =
        watch_->Wait(triggers_.unsure() || loaded ? kUnsure : kLookAgain);
    if (watch_->stopped()) return;
    loaded = Reload();
    StartArrivals(news.completed);
    // To look takes memory, whether or not something has changed, and would keep it as holes.
    malloc_trim(0);
  }
}

void Daemon::StartArrivals(const std::set<std::string>& completed) {
  if (!options_.schedules) return;
  for (const catalogue::FileArrival& arrival :
       triggers_.Look(*catalogue(), completed, Now(), watch_->written())) {
    StartRequest request;
    request.graph = arrival.graph;
    request.key = arrival.key;
    request.by = "busker";
    request.trigger = "file " + arrival.file;
    if (const auto started = requests_->Start(request); !started) {
      Say(fmt::format("{} has come, but {} did not start: {}", arrival.file, arrival.graph,
                      started.error().message));
    }
  }
}

Result<prepare::Places> Daemon::PlacesOf(const service::Service& service, const std::string& action,
                                         const std::string& target) const {
  return prepare::PlacesOf(service, prepare::TargetOf(service, action, target, options_.target),
                           PlacesOfHome());
}

prepare::HomePlaces Daemon::PlacesOfHome() const {
  return {options_.busker, home_.StoreUrl(), home_.WarehouseUrl(), home_.folder.string()};
}

std::vector<record::NoticeRow> Daemon::NoticesOf(const plan::NotifyPeople& tell, Instant now) {
  std::vector<service::Notify> settings = {settings_.notify};
  const auto all = catalogue();
  const auto definition = all->definitions.find(tell.graph);
  if (definition != all->definitions.end()) settings.push_back(definition->second->Notify());
  return Outbox::NoticesOf(tell, now, settings);
}

void Daemon::Observe(const plan::Decision& decision) {
  copier_->Observe(decision);  // before anybody hears that the run has ended
  announcer_.Announce(decision);
  const auto* caught_up = std::get_if<plan::RunQueued>(&decision);
  if (caught_up != nullptr && caught_up->run.trigger == "catch-up") Note(caught_up->run);
  if (!options_.say) return;
  if (const auto* queued = std::get_if<plan::RunQueued>(&decision)) {
    titles_[queued->run.id] = fmt::format("of {} for {}", queued->run.graph, queued->run.data_date);
  } else if (const auto* run = std::get_if<plan::RunChanged>(&decision)) {
    Say(fmt::format("run {} {} {}{}{}", run->run, TitleOf(run->run),
                    run->to == plan::State::kRunning ? "started" : NameOf(run->to),
                    run->message.empty() ? "" : ": ", run->message));
    if (IsFinal(run->to)) titles_.erase(run->run);
  }
}

void Daemon::Note(const plan::DagRun& catch_up) {
  const std::lock_guard lock(catch_ups_mutex_);
  auto found = std::find_if(catch_ups_.begin(), catch_ups_.end(),
                            [&](const CatchUp& one) { return one.graph == catch_up.graph; });
  if (found == catch_ups_.end()) {
    found = catch_ups_.insert(found, {catch_up.graph, 0, catch_up.data_date, ""});
  }
  ++found->runs;
  found->last = catch_up.data_date;
}

std::vector<CatchUp> Daemon::catch_ups() const {
  const std::lock_guard lock(catch_ups_mutex_);
  return catch_ups_;
}

// One that was queued before this daemon began is read from the record.
std::string Daemon::TitleOf(const std::string& run) {
  if (const auto known = titles_.find(run); known != titles_.end()) return known->second;
  const auto read = record_->FindRun(run);
  if (!read) return "that is not on record";
  const record::RunFacts& facts = read->facts;
  return titles_[run] =
             fmt::format("of {}{}{} for {}", facts.service, facts.service.empty() ? "" : "/",
                         facts.action, facts.data_date);
}

void Daemon::Say(const std::string& line) const {
  if (options_.say) options_.say(line);
}

}  // namespace busker::daemon
