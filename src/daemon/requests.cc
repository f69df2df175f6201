#include "daemon/requests.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <map>
#include <span>

#include "artifact/store.h"
#include "base/id.h"
#include "daemon/backfill.h"
#include "prepare/requested_run.h"

namespace busker::daemon {
namespace {

// So many are queued at a time: others have their turns of the conductor in between.
constexpr std::size_t kInstantsOfATurn = 500;

// For a look at the artifact store, before a run is requested.
constexpr Milliseconds kLookLimit = std::chrono::seconds(2);
constexpr Milliseconds kListenLimit = std::chrono::minutes(1);    // then it looks who is there
constexpr Milliseconds kForeseeLimit = std::chrono::seconds(20);  // for all that a backfill reads

using Events = std::vector<plan::Event>;

std::string HasEnded(const plan::DagRun& run) {
  return fmt::format(
      "run {} has ended already: it {}{}", run.id,
      run.state == plan::State::kSucceeded || run.state == plan::State::kFailed ? "" : "was ",
      NameOf(run.state));
}

const plan::DagRun* RequestedIn(std::span<const plan::Event> events,
                                const std::function<bool(const plan::DagRun&)>& wanted) {
  for (const plan::Event& event : events) {
    const auto* requested = std::get_if<plan::RunRequested>(&event);
    if (requested != nullptr && wanted(requested->run)) return &requested->run;
  }
  return nullptr;
}

// The run of the graph that was requested with the key before, if there is one. kInvalid when it is
// of another graph: who asks hears nothing else of it.
Result<std::optional<std::string>> FirstWith(const std::string& key, const plan::GraphKey& graph,
                                             const dispatch::View& view) {
  const auto has_key = [&](const plan::DagRun& run) { return run.request_key == key; };
  std::optional<plan::DagRun> before;
  if (const auto* run = RequestedIn(view.decided, has_key)) {
    before = *run;
  } else {
    TRY_ASSIGN(const auto id, view.record.FindRequest(key));
    if (!id) return std::optional<std::string>();
    TRY_ASSIGN(before, view.record.LoadRun(*id));
  }
  if (before->graph != graph) {
    return Invalid(
        fmt::format("a run of another graph was started with the key {}; take another", key));
  }
  return std::optional(before->id);
}

// Where the run stands, and what is decided about it from now on; nullptr when it has ended.
std::shared_ptr<Subscription> Subscribe(const std::string& run, const dispatch::View& view,
                                        Announcer& announcer) {
  std::vector<plan::Decision> stands;
  if (const plan::DagRun* active = view.agenda.FindRun(run)) {
    for (const plan::Task& task : active->tasks) {
      if (task.attempt_running) stands.push_back(plan::StartAttempt{run, task.name, task.attempts});
    }
  } else if (!RequestedIn(view.decided, [&](const auto& other) { return other.id == run; })) {
    return nullptr;
  }
  return announcer.Subscribe(run, stands);
}

// Who is too slow for what happens is not told the rest as if that were all: it follows anew.
Hear Hearing(Subscription& heard) {
  return [&heard](std::optional<Milliseconds> limit) -> Result<std::optional<plan::Decision>> {
    if (heard.Lost()) return OwnerHasEnded();
    auto decision = heard.Next(limit.value_or(kListenLimit));
    while (decision && !IsFollowed(*decision)) decision = heard.Next(limit.value_or(kListenLimit));
    if (decision) return decision;
    if (heard.Ended()) return OwnerHasEnded();
    if (limit) return TimedOut("nothing was decided");
    return std::nullopt;
  };
}

// Owns what it reads, for a store that does not answer.
std::function<Result<void>()> LookWhetherRunnable(
    std::shared_ptr<const catalogue::Definition> definition, const prepare::Places& places,
    const plan::DagRun& run) {
  return [definition = std::move(definition), url = places.store_url, run]() -> Result<void> {
    TRY_ASSIGN(const auto store, artifact::OpenStore(url));
    return prepare::CheckRunnable(*definition->service, definition->Action(), *store, run);
  };
}

Result<void> CheckHasNoTarget(const plan::GraphKey& graph, const std::string& target) {
  if (target.empty()) return {};
  return Invalid(fmt::format(
      "{} is a graph file, whose tasks run where busker does: it has no target; leave \"{}\" out",
      graph, target));
}

}  // namespace

Result<void> Requests::Carry(Decide decide, Check check) const {
  auto answered = std::make_shared<std::promise<Result<void>>>();
  std::future<Result<void>> answer = answered->get_future();
  setup_.conductor.Ask({std::move(decide), [answered, check = std::move(check)](
                                               Result<void> result, const dispatch::View& view) {
                          if (result && check) result = check(view);
                          answered->set_value(std::move(result));
                        }});
  if (answer.wait_for(limit_) == std::future_status::ready) return answer.get();
  const std::string trouble = setup_.conductor.Trouble();
  return Temporary(fmt::format("it is not on record yet, and may come to be{}{}",
                               trouble.empty() ? "" : ": ", trouble));
}

Result<std::string> Requests::Start(const StartRequest& request) const {
  return Start(request, nullptr);
}

Result<std::string> Requests::StartAndFollow(const StartRequest& request,
                                             const Follower& follower) const {
  std::shared_ptr<Subscription> heard;
  TRY_ASSIGN(std::string run, Start(request, &heard));
  follower.started(run);
  if (heard) TRY(TellToItsEnd(Hearing(*heard), std::nullopt, follower.told, follower.silent));
  return run;
}

Result<void> Requests::Follow(const std::string& run, std::optional<Milliseconds> limit,
                              const Told& told) const {
  TRY_ASSIGN(const std::shared_ptr<Subscription> heard, Listen(run));
  if (!heard) return {};
  return TellToItsEnd(Hearing(*heard), limit, told);
}

Result<std::string> Requests::Start(const StartRequest& request,
                                    std::shared_ptr<Subscription>* heard_by) const {
  TRY_ASSIGN(const auto definition, setup_.catalogue()->Find(request.graph));
  TRY_ASSIGN(plan::DagRun run, prepare::RequestRun(definition->graph, request.date, Now()));
  run.trigger = request.trigger;
  if (definition->service) {
    TRY_ASSIGN(const prepare::Places places,
               setup_.places(*definition->service, definition->action, request.target));
    // What does not answer now is told of when the run is prepared.
    const auto runnable = glance_->At(definition->service->name,
                                      LookWhetherRunnable(definition, places, run), kLookLimit);
    if (runnable) TRY(*runnable);
  }
  if (!definition->service) TRY(CheckHasNoTarget(request.graph, request.target));
  run.target = request.target;
  run.force = request.force;
  run.request_key = request.key;
  run.requested_by = request.by;
  // What the conductor's thread does may outlive this call, when its time is over.
  auto id = std::make_shared<std::string>(run.id);
  auto heard = std::make_shared<std::shared_ptr<Subscription>>();
  const bool listens = heard_by != nullptr;
  TRY(Carry([run, id, heard, listens,
             &announcer = setup_.announcer](const dispatch::View& view) -> Result<Events> {
    if (!run.request_key.empty()) {
      TRY_ASSIGN(const auto before, FirstWith(run.request_key, run.graph, view));
      if (before) {
        *id = *before;
        if (listens) *heard = Subscribe(*before, view, announcer);
        return Events{};
      }
    }
    if (listens) *heard = announcer.Subscribe(run.id);
    return Events{plan::RunRequested{run}};
  }));
  if (listens) *heard_by = *heard;
  return *id;
}

Result<std::shared_ptr<Subscription>> Requests::Listen(const std::string& run) const {
  auto heard = std::make_shared<std::shared_ptr<Subscription>>();
  const Decide decide =
      [run, heard, &announcer = setup_.announcer](const dispatch::View& view) -> Result<Events> {
    *heard = Subscribe(run, view, announcer);
    return Events{};
  };
  TRY(Carry(decide));
  if (*heard == nullptr) {
    TRY(setup_.record.With([&](record::Record& record) { return record.FindRun(run); }));
  }
  return *heard;
}

Result<void> Requests::Cancel(const std::string& run, const std::string& by) const {
  auto is_there = std::make_shared<bool>(false);
  return Carry(
      [run, by, is_there](const dispatch::View& view) -> Result<Events> {
        *is_there = view.agenda.FindRun(run) != nullptr;
        return *is_there ? Events{plan::CancelRequested{run, by}} : Events();
      },
      // What else was in the turn, and came before, may have ended it.
      [run, is_there](const dispatch::View& view) -> Result<void> {
        if (view.agenda.FindRun(run) != nullptr) return {};
        TRY_ASSIGN(const plan::DagRun ended, view.record.LoadRun(run));
        if (*is_there && ended.state == plan::State::kCancelled) return {};
        return Invalid(HasEnded(ended));
      });
}

Result<std::string> Requests::Retry(const std::string& run, const std::string& by) const {
  TRY_ASSIGN(std::string note, NoteOnRetry(run));
  Again(run);
  TRY(Carry([run, by](const dispatch::View& view) -> Result<Events> {
    if (view.agenda.FindRun(run) != nullptr) {
      return Invalid(
          fmt::format("run {} has not ended; busker explain {} tells where it stands", run, run));
    }
    TRY_ASSIGN(plan::DagRun ended, view.record.LoadRun(run));
    if (!CanBeRetried(ended.state)) {
      return Invalid(fmt::format("run {} {}; what is retried is what has failed or was cancelled",
                                 run, NameOf(ended.state)));
    }
    return Events{plan::RetryRequested{std::move(ended), by, ""}};
  }));
  return note;
}

void Requests::Again(const std::string& run) const {
  if (setup_.again && IsName(run)) setup_.again(run);
}

Result<std::string> Requests::NoteOnRetry(const std::string& run) const {
  const auto all = setup_.catalogue();
  return setup_.record.With([&](record::Record& record) -> Result<std::string> {
    TRY_ASSIGN(const record::RunRow row, record.FindRun(run));
    TRY_ASSIGN(const auto events, record.Events(run));
    const auto decided = std::find_if(events.rbegin(), events.rend(), [](const auto& event) {
      return event.what == "run prepared";
    });
    if (decided == events.rend()) return "";
    const plan::GraphKey key = row.facts.Graph();
    const auto now = all->definitions.find(key);
    std::string change;
    if (now == all->definitions.end()) {
      change = fmt::format("nothing defines {} now", key);
    } else if (now->second->Digest() != row.facts.definition) {
      change = fmt::format("{} since: busker start {} runs what is there now",
                           now->second->FilesHaveChanged(), key);
    } else {
      return "";
    }
    return fmt::format("it runs what was decided at {}; {}", FormatRfc3339(decided->at), change);
  });
}

Result<void> Requests::Skip(const std::string& run, const std::string& task,
                            const std::string& by) const {
  Again(run);  // if it has ended
  return Carry([run, task, by](const dispatch::View& view) -> Result<Events> {
    plan::DagRun of;
    const plan::DagRun* active = view.agenda.FindRun(run);
    if (active != nullptr) {
      of = *active;
    } else {
      TRY_ASSIGN(of, view.record.LoadRun(run));
    }
    const auto found = std::find_if(of.tasks.begin(), of.tasks.end(),
                                    [&](const plan::Task& one) { return one.name == task; });
    if (found == of.tasks.end()) {
      return NotFound(of.prepared ? fmt::format("run {} has no task {}", run, task)
                                  : fmt::format("the tasks of run {} are not decided yet", run));
    }
    if (found->state == plan::State::kSucceeded || found->state == plan::State::kRunning) {
      return Invalid(fmt::format("task {} {}; what can be skipped waits, or did not succeed", task,
                                 found->state == plan::State::kRunning ? "runs" : "has succeeded"));
    }
    if (active != nullptr && found->state == plan::State::kQueued) {
      return Events{plan::SkipRequested{run, task, by}};
    }
    if (active != nullptr) {
      return Temporary(
          fmt::format("task {} has ended and run {} has not; skip it when it has", task, run));
    }
    if (!CanBeRetried(of.state)) return Invalid(fmt::format("run {} has succeeded", run));
    return Events{plan::RetryRequested{std::move(of), by, task}};
  });
}

Result<void> Requests::Pause(const plan::GraphKey& graph, bool paused,
                             const std::string& by) const {
  TRY(setup_.catalogue()->Find(graph));
  return Carry([graph, paused, by](const dispatch::View& view) -> Result<Events> {
    const plan::GraphMemory* memory = view.agenda.FindMemory(graph);
    if (memory != nullptr && memory->paused && paused) {
      return Invalid(fmt::format("{} was paused by {} already", graph, memory->paused_by));
    }
    if ((memory == nullptr || !memory->paused) && !paused) {
      return Invalid(fmt::format("{} is not paused", graph));
    }
    return Events{plan::GraphPaused{graph, paused, by}};
  });
}

// What is on record is read here, and not in the conductor's turn: in that nothing is looked up but
// whether it has changed since.
Result<std::vector<BackfillInstant>> Requests::Backfill(const BackfillRequest& request) const {
  TRY_ASSIGN(const auto definition, setup_.catalogue()->Find(request.graph));
  const plan::Graph& graph = definition->graph;
  TRY_ASSIGN(const std::vector<Instant> dues, InstantsOfBackfill(request, graph));
  // The record learns how far a schedule is dealt with when the run of its last instant ends.
  auto memory = std::make_shared<std::optional<plan::GraphMemory>>();
  TRY(Carry([key = graph.key, memory](const dispatch::View& view) -> Result<Events> {
    if (const auto* const known = view.agenda.FindMemory(key)) *memory = *known;
    return Events{};
  }));
  const auto survey = [&](record::Record& record) -> Result<std::vector<BackfillInstant>> {
    if (!*memory) {
      TRY_ASSIGN(*memory, record.FindGraph(graph.key));
    }
    return SurveyBackfill(request, graph, dues, *memory ? &**memory : nullptr, Now(), record);
  };
  TRY_ASSIGN(std::vector<BackfillInstant> instants, setup_.record.With(survey));
  if (definition->service) {
    const std::string& service = definition->service->name;
    TRY_ASSIGN(const prepare::Places places,
               setup_.places(*definition->service, definition->action, request.target));
    auto foreseen = glance_->At(
        service, [=] { return ForeseeBackfill(request, *definition, places, instants); },
        kForeseeLimit);
    if (!foreseen) {
      return Temporary(
          fmt::format("the artifact store or the warehouse of {} does not answer; "
                      "nothing was queued",
                      service));
    }
    TRY_ASSIGN(instants, std::move(*foreseen));
  }
  if (!definition->service) TRY(CheckHasNoTarget(request.graph, request.target));
  if (request.dry_run) return instants;
  const std::string batch = "backfill-" + MakeRunId(Now());
  for (std::size_t begin = 0; begin < instants.size(); begin += kInstantsOfATurn) {
    const std::span part =
        std::span(instants).subspan(begin, std::min(kInstantsOfATurn, instants.size() - begin));
    TRY_ASSIGN(auto ended, setup_.record.With(
                               [&](record::Record& record) { return RunsToRetry(part, record); }));
    for (const auto& [run, _] : ended) Again(run);
    // What the conductor's thread does may outlive this call, when its time is over.
    struct Queued {
      std::map<std::string, plan::DagRun> ended;
      std::vector<BackfillInstant> instants;
    };
    auto queued = std::make_shared<Queued>();
    *queued = {std::move(ended), {part.begin(), part.end()}};
    TRY(Carry([request, graph, batch, queued](const dispatch::View& view) {
      return QueueBackfill(request, graph, batch, queued->ended, queued->instants, view);
    }));
    std::move(queued->instants.begin(), queued->instants.end(), part.begin());
  }
  return instants;
}

Result<std::string> Requests::Explain(const std::string& what, const std::string& task) const {
  auto sentence = std::make_shared<std::string>();
  const plan::GraphKey graph = plan::GraphKey::Parse(what);
  const Decide explain = [what, graph, task,
                          sentence](const dispatch::View& view) -> Result<Events> {
    const plan::Agenda& agenda = view.agenda;
    if (agenda.FindRun(what) != nullptr) {
      *sentence = task.empty() ? agenda.ExplainRun(what, view.now)
                               : agenda.ExplainTask(what, task, view.now);
    } else if (agenda.FindMemory(graph) != nullptr) {
      *sentence = agenda.ExplainGraph(graph, view.now);
    }
    return Events{};
  };
  TRY(Carry(explain));
  if (!sentence->empty()) return *sentence + SilencesOf(what, task, setup_.conductor.Silences());
  TRY(setup_.catalogue()->Find(graph));
  // What a file has just defined, the agenda takes in by this turn, and knows in the next one.
  TRY(Carry(explain));
  if (sentence->empty()) return NotFound("nothing of it is known yet");
  return *sentence;
}

Status Requests::Health() const {
  Status status;
  status.since = setup_.since;
  status.schedules = setup_.schedules;
  status.trouble = setup_.conductor.Trouble();
  status.faults = setup_.catalogue()->faults;
  status.debts = setup_.conductor.Debts();
  status.silences = setup_.conductor.Silences();
  status.attempts_running = figures().attempts_running;
  if (setup_.undelivered) status.undelivered = setup_.undelivered();
  if (setup_.uncopied) status.uncopied = setup_.uncopied();
  if (setup_.online) status.online = setup_.online();
  return status;
}

Result<Status> Requests::Ask() const {
  auto status = std::make_shared<Status>(Health());
  TRY(Carry([status, catalogue = setup_.catalogue()](const dispatch::View& view) -> Result<Events> {
    const plan::Agenda& agenda = view.agenda;
    status->attempts_running = agenda.attempts_running();
    for (const plan::GraphKey& key : agenda.Graphs()) {
      const plan::Graph& graph = *agenda.FindGraph(key);
      const plan::GraphMemory& memory = *agenda.FindMemory(key);
      GraphStatus one{key,
                      graph.schedule_text,
                      graph.zone,
                      std::nullopt,
                      memory.paused,
                      memory.paused_by,
                      agenda.ExplainGraph(key, view.now)};
      const auto coming = agenda.Coming(key, view.now, 1);
      if (!coming.empty() && !memory.paused) one.next = coming.front();
      status->graphs.push_back(std::move(one));
    }
    // What is at fault, or gone while runs of it wait, is still there for who looks.
    for (const plan::GraphKey& key : agenda.Undefined()) {
      if (catalogue->FaultOf(key) == nullptr && agenda.UnfinishedOf(key).empty()) continue;
      const plan::GraphMemory& memory = *agenda.FindMemory(key);
      status->graphs.push_back({key, memory.schedule_text, memory.zone, std::nullopt, memory.paused,
                                memory.paused_by, agenda.ExplainGraph(key, view.now)});
    }
    return Events{};
  }));
  return *status;
}

bool Requests::Turns() const {
  return Carry([](const dispatch::View&) { return Events(); }).has_value();
}

Result<void> Requests::Yield() const {
  if (!setup_.yield) return Temporary("this busker is up already, and goes on");
  setup_.yield();
  return {};
}

Result<std::string> Requests::MakeLink(const std::string& by) const {
  if (!setup_.make_link) return NotFound("this busker has no dashboard; busker up has one");
  return setup_.make_link(by);
}

}  // namespace busker::daemon
