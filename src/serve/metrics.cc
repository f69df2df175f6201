#include "serve/metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "artifact/store.h"
#include "dispatch/figures.h"
#include "http/problem.h"
#include "model/live.h"
#include "serve/services.h"

namespace busker::serve {
namespace {

using Clock = std::chrono::steady_clock;

// Text as the format wants it, line by line.
class Page {
 public:
  void Begin(const char* name, const char* kind, const char* help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, kind, help);
  }
  template <typename Value>
  void Add(const std::string& labels, const Value& value) {
    text_ += labels.empty() ? fmt::format("{} {}\n", name_, value)
                            : fmt::format("{}{{{}}} {}\n", name_, labels, value);
  }
  template <typename Value>
  void One(const char* name, const char* kind, const char* help, const Value& value) {
    Begin(name, kind, help);
    Add("", value);
  }
  void Times(const char* name, const char* help, const dispatch::Histogram& times) {
    Begin(name, "histogram", help);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= times.kBounds.size(); ++i) {
      count += times.CountIn(i);
      const std::string bound =
          i < times.kBounds.size() ? fmt::format("{}", times.kBounds[i]) : "+Inf";
      text_ += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, bound, count);
    }
    text_ += fmt::format("{0}_sum {1}\n{0}_count {2}\n", name, times.SumSeconds(), count);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

std::string Label(const char* name, std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return fmt::format("{}=\"{}\"", name, escaped);
}

double SecondsSince(Instant then) { return std::chrono::duration<double>(Now() - then).count(); }

void AddEngine(Page& page, const dispatch::Figures& figures) {
  page.One("busker_runs_unfinished", "gauge", "Runs that wait or are at work.",
           figures.runs_unfinished.load());
  page.One("busker_tasks_ready", "gauge", "Tasks that could start, and wait for room.",
           figures.tasks_ready.load());
  page.One("busker_attempts_running", "gauge", "Attempts that run now.",
           figures.attempts_running.load());
  page.Begin("busker_runs_ended_total", "counter", "Runs that ended, by how.");
  for (const auto state : {plan::State::kSucceeded, plan::State::kFailed, plan::State::kCancelled,
                           plan::State::kSkipped}) {
    page.Add(Label("state", NameOf(state)),
             figures.runs_ended[static_cast<std::size_t>(state)].load());
  }
  page.Begin("busker_attempts_ended_total", "counter", "Attempts that ended, by how.");
  page.Add(Label("state", "succeeded"), figures.attempts_succeeded.load());
  page.Add(Label("state", "failed"), figures.attempts_failed.load());
  page.Times("busker_attempt_overhead_seconds", "What an attempt took beside its command.",
             figures.overhead);
  page.Times("busker_schedule_lag_seconds",
             "From an instant of a schedule until its run was on record.", figures.schedule_lag);
  page.Times("busker_turn_seconds",
             "A turn of the conductor: until what happened was on record and what follows begun.",
             figures.turn);
}

Result<void> AddGraphs(Page& page, record::Record& record, const catalogue::Catalogue& catalogue) {
  TRY_ASSIGN(const auto aside, record.GraphsAside());
  std::size_t paused = 0;
  std::map<plan::Trouble, std::size_t> troubled = {
      {plan::Trouble::kFailed, 0}, {plan::Trouble::kLate, 0}, {plan::Trouble::kNeverStarted, 0}};
  for (const auto& one : aside) {
    if (!catalogue.definitions.contains(one.graph)) continue;
    if (one.paused) ++paused;
    if (one.trouble != plan::Trouble::kNone) ++troubled[one.trouble];
  }
  page.One("busker_graphs", "gauge", "Actions and graph files that are served.",
           catalogue.definitions.size());
  page.One("busker_graphs_paused", "gauge", "Those of them that are paused.", paused);
  page.Begin("busker_graphs_troubled", "gauge",
             "Those that failed, are late or never started, and have not succeeded since.");
  for (const auto& [trouble, count] : troubled) page.Add(Label("trouble", NameOf(trouble)), count);
  return {};
}

// Since when the live version of each service is live. What cannot be read is left out: other pages
// say why.
std::map<std::string, Instant> LiveSince(const daemon::Daemon& daemon) {
  std::map<std::string, Instant> since;
  const io::Interrupt limit = artifact::ForAnswer();
  for (const SharedService& service : ServicesOf(*daemon.catalogue())) {
    const auto places = daemon.PlacesOf(*service);
    if (!places) continue;
    const auto store = artifact::OpenStore(places->store_url);
    if (!store) continue;
    const auto live = model::ReadLive(**store, service->name, service->version, limit);
    if (live && *live) since[service->name] = (*live)->now.at;
  }
  return since;
}

// The last delivery into each table of the warehouses that the services deliver to.
std::map<std::string, deliver::Delivery> NewestDeliveries(const daemon::Daemon& daemon,
                                                          const std::string& duckdb_library) {
  std::set<std::string> urls;
  for (const SharedService& service : ServicesOf(*daemon.catalogue())) {
    if (const auto places = daemon.PlacesOf(*service)) urls.insert(places->warehouse_url);
  }
  std::map<std::string, deliver::Delivery> newest;
  for (const std::string& url : urls) {
    auto deliveries = ReadDeliveries(url, duckdb_library);
    if (!deliveries) continue;
    for (deliver::Delivery& delivery : *deliveries) {
      const auto there = newest.find(delivery.table);
      const bool older =
          there != newest.end() && there->second.delivered_at > delivery.delivered_at;
      if (!delivery.undone_at && !older) newest[delivery.table] = std::move(delivery);
    }
  }
  return newest;
}

void AddModels(Page& page, const std::map<std::string, Instant>& live_since) {
  page.Begin("busker_live_model_age_seconds", "gauge", "Since when the live version is live.");
  for (const auto& [service, since] : live_since) {
    page.Add(Label("service", service), SecondsSince(since));
  }
}

void AddDeliveries(Page& page, const std::map<std::string, deliver::Delivery>& newest) {
  if (newest.empty()) return;
  page.Begin("busker_delivery_rows", "gauge", "Rows of the last delivery into a table.");
  for (const auto& [table, delivery] : newest) page.Add(Label("table", table), delivery.rows);
  page.Begin("busker_delivery_age_seconds", "gauge", "Since the last delivery into a table.");
  for (const auto& [table, delivery] : newest) {
    page.Add(Label("table", table), SecondsSince(delivery.delivered_at));
  }
}

constexpr auto kKnownFor = std::chrono::seconds(60);
constexpr int kShare = 20;  // of the time, at most one part of so many goes into reading

}  // namespace

// What stores and warehouses say. It is as it was while no attempt has ended and no person has done
// anything, or somebody else uses the same stores: so it is read anew each minute all the same.
struct Metrics::Outcomes {
  std::shared_ptr<const catalogue::Catalogue> catalogue;
  std::uint64_t attempts_ended = 0;
  std::int64_t deed = 0;  // the newest event of a person
  Clock::time_point read_at{};
  Clock::duration took{};
  std::map<std::string, Instant> live_since;               // by service
  std::map<std::string, deliver::Delivery> last_delivery;  // by table

  bool StillHolds(const Outcomes& now) const {
    const auto age = now.read_at - read_at;
    const bool same = catalogue == now.catalogue && attempts_ended == now.attempts_ended &&
                      deed == now.deed && age < kKnownFor;
    return same || age < took * (kShare - 1);
  }
};

void Metrics::AddRoutes(Routes& routes) {
  routes.Add({http::Method::kGet, "/metrics", access::Scope::kViewer, "Figures for Prometheus.",
              [this](const Call&) { return Show(); }});
}

Result<std::shared_ptr<const Metrics::Outcomes>> Metrics::Look() {
  Outcomes now;
  now.catalogue = daemon_.catalogue();
  const dispatch::Figures& figures = daemon_.requests().figures();
  now.attempts_ended = figures.attempts_succeeded + figures.attempts_failed;
  now.read_at = Clock::now();
  const record::EventFilter newest{.by_people = true, .before = std::nullopt, .count_max = 1};
  TRY_ASSIGN(const auto deeds,
             records_.With([&](record::Record& record) { return record.ListEvents(newest); }));
  if (!deeds.empty()) now.deed = deeds.front().number;
  {
    const std::lock_guard lock(mutex_);
    if (known_ && (is_reading_ || known_->StillHolds(now))) return known_;
    is_reading_ = true;
  }
  // Whatever becomes of it: while it is said that somebody reads, nobody else does.
  struct Reading {
    Metrics& metrics;
    ~Reading() {
      const std::lock_guard lock(metrics.mutex_);
      metrics.is_reading_ = false;
    }
  } const reading{*this};
  auto read = Read(now);
  const std::lock_guard lock(mutex_);
  return known_ = std::move(read);
}

std::shared_ptr<const Metrics::Outcomes> Metrics::Read(const Outcomes& as_of) const {
  auto outcomes = std::make_shared<Outcomes>(as_of);
  outcomes->live_since = LiveSince(daemon_);
  outcomes->last_delivery = NewestDeliveries(daemon_, duckdb_library_);
  outcomes->took = Clock::now() - as_of.read_at;
  return outcomes;
}

http::Response Metrics::Show() {
  const daemon::Status health = daemon_.requests().Health();
  Page page;
  page.One("busker_up_since_seconds", "gauge", "When this busker was started, since 1970.",
           std::chrono::duration<double>(health.since.time_since_epoch()).count());
  page.One("busker_faults", "gauge", "Definitions that cannot be read.", health.faults.size());
  page.One("busker_trouble", "gauge",
           "1 while nothing new starts, because it could not be recorded.",
           health.trouble.empty() ? 0 : 1);
  page.One("busker_debts", "gauge",
           "What attempts had in a cloud, and could not be deleted so far.", health.debts.size());
  AddEngine(page, daemon_.requests().figures());
  const auto added = records_.With(
      [&](record::Record& record) { return AddGraphs(page, record, *daemon_.catalogue()); });
  if (!added) return http::Problem(added.error());
  const auto outcomes = Look();
  if (!outcomes) return http::Problem(outcomes.error());
  page.One("busker_outcomes_age_seconds", "gauge",
           "Since stores and warehouses were asked for what follows.",
           std::chrono::duration<double>(Clock::now() - (*outcomes)->read_at).count());
  AddModels(page, (*outcomes)->live_since);
  AddDeliveries(page, (*outcomes)->last_delivery);
  http::Response response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = page.Take();
  if (more_) response.body += more_();
  return response;
}

}  // namespace busker::serve
