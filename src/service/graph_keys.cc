#include "service/graph_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/id.h"
#include "base/text.h"
#include "service/airflow_words.h"

namespace busker::service {
namespace {

// Airflow's timedelta: a number of seconds, or Busker's duration.
std::optional<Milliseconds> ReadSeconds(Reader& reader, const Member& member) {
  constexpr double kLongest = 3650.0 * 86'400;
  const Node& value = member.value;
  if (value.kind == Node::Kind::kString) return reader.Duration(member);
  const bool whole = value.kind == Node::Kind::kInteger;
  const double seconds = whole ? static_cast<double>(value.integer) : value.number;
  const bool number = whole || value.kind == Node::Kind::kFloat;
  if (!number || !(seconds >= 0 && seconds <= kLongest)) {
    reader.MustBe(member, "a number of seconds, or a duration such as \"5m\"");
    return std::nullopt;
  }
  return Milliseconds(std::llround(seconds * 1000));
}

// ReadSeconds, without 0, which in Airflow is a limit that nothing can keep.
std::optional<Milliseconds> ReadLimit(Reader& reader, const Member& member) {
  const auto limit = ReadSeconds(reader, member);
  if (!limit || limit->count() > 0) return limit;
  reader.Fault(member.value.at,
               fmt::format("{} must be longer than nothing; leave the key out for no limit",
                           Quoted(member.name)));
  return std::nullopt;
}

std::optional<std::string> ReadGraphName(Reader& reader, const Member& member) {
  auto name = reader.String(member);
  if (!name || IsGraphName(*name)) return name;
  reader.Fault(
      member.value.at,
      fmt::format("{}: {} is not a valid name; a name has a-z, A-Z, 0-9, \"_\", \".\" and \"-\", "
                  "begins with a letter, digit or \"_\", and is at most 200 long",
                  Quoted(member.name), Quoted(*name)));
  return std::nullopt;
}

template <typename Into>
void ReadStartDate(Reader& reader, const Member& member, Into& draft) {
  if (auto text = reader.String(member)) draft.start = {std::move(*text), member.value.at};
}

template <typename Into>
void ReadEndDate(Reader& reader, const Member& member, Into& draft) {
  if (auto text = reader.String(member)) draft.end = {std::move(*text), member.value.at};
}

void ReadDagId(Reader& reader, const Member& member, GraphDraft& draft) {
  if (auto id = ReadGraphName(reader, member)) draft.file.id = std::move(*id);
}

void ReadDescription(Reader& reader, const Member& member, GraphDraft& draft) {
  if (member.value.kind == Node::Kind::kString && member.value.text.empty()) return;
  if (auto text = reader.String(member)) draft.file.description = std::move(*text);
}

void ReadSchedule(Reader& reader, const Member& member, GraphDraft& draft) {
  if (draft.schedule_at.line > 0) {
    reader.Fault(
        member.at,
        "\"schedule\" and \"schedule_interval\" are two names of one thing; leave one out");
    return;
  }
  draft.schedule_at = member.at;
  const Node& value = member.value;
  if (value.kind == Node::Kind::kInteger || value.kind == Node::Kind::kFloat) {
    reader.Fault(
        value.at,
        fmt::format("{} must be a cron text such as \"0 7 * * *\"; Busker has no intervals "
                    "of so many seconds",
                    Quoted(member.name)));
    return;
  }
  if (value.kind == Node::Kind::kString && value.text == "None") return;
  if (value.kind == Node::Kind::kString && value.text == "@once") {
    draft.file.once = true;
    return;
  }
  if (value.kind == Node::Kind::kString && value.text == "@continuous") {
    reader.Fault(value.at,
                 fmt::format("{}: Airflow's \"@continuous\" is not known to Busker; \"* * * * *\" "
                             "is each minute",
                             Quoted(member.name)));
    return;
  }
  if (auto schedule = reader.Schedule(member)) draft.file.schedule = std::move(*schedule);
}

void ReadTimeZone(Reader& reader, const Member& member, GraphDraft& draft) {
  if (auto zone = reader.TimeZone(member)) draft.file.time_zone = std::move(*zone);
}

void ReadCatchup(Reader& reader, const Member& member, GraphDraft& draft) {
  if (const auto all = reader.Bool(member)) {
    draft.file.catch_up = *all ? plan::CatchUp::kAll : plan::CatchUp::kLatest;
  }
}

void ReadMaxActiveRuns(Reader& reader, const Member& member, GraphDraft& draft) {
  if (const auto runs = reader.Integer(member, 1, kRunsAtOnceMax)) {
    draft.file.runs_at_once = static_cast<int>(*runs);
  }
}

void ReadRunTimeout(Reader& reader, const Member& member, GraphDraft& draft) {
  if (const auto timeout = ReadLimit(reader, member)) draft.file.run_timeout = *timeout;
}

void ReadTags(Reader& reader, const Member& member, GraphDraft& draft) {
  if (auto tags = reader.Strings(member, "a tag")) draft.file.tags = std::move(*tags);
}

void ReadDefaultArgs(Reader& reader, const Member& member, GraphDraft& draft) {
  draft.default_args = reader.Table(member);
}

void ReadName(Reader& reader, const Member& member, TaskDraft& draft) {
  draft.name_at = member.value.at;
  if (auto name = ReadGraphName(reader, member)) draft.task.name = std::move(*name);
}

void ReadCode(Reader& reader, const Member& member, TaskDraft& draft) {
  draft.code_at = member.value.at;
  auto code = reader.String(member);
  if (!code) return;
  if (const auto found = FindAirflowTemplate(*code)) {
    reader.Fault(
        member.value.at,
        fmt::format("\"code\": Airflow's template {} is not known to Busker; the data date "
                    "is $BUSKER_DATE, its instant $BUSKER_SCHEDULED_AT",
                    Quoted(*found)));
    return;
  }
  if (Trim(*code).empty()) {
    reader.Fault(member.value.at, "\"code\" has nothing to run");
    return;
  }
  draft.task.code = std::move(*code);
}

void ReadOwner(Reader& reader, const Member& member, TaskDraft& draft) {
  if (auto owner = reader.String(member)) draft.task.owner = std::move(*owner);
}

void ReadDependsOnPast(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto depends = reader.Bool(member)) draft.task.depends_on_past = *depends;
}

void ReadRetries(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto retries = reader.Integer(member, 0, 100)) {
    draft.task.retries = static_cast<int>(*retries);
  }
}

void ReadRetryDelay(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto delay = ReadSeconds(reader, member)) draft.task.retry_delay = *delay;
}

void ReadBackoff(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto backoff = reader.Bool(member)) draft.task.exponential = *backoff;
}

void ReadRetryDelayMax(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto delay = ReadLimit(reader, member)) draft.task.retry_delay_max = *delay;
}

void ReadTimeout(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto timeout = ReadLimit(reader, member)) draft.task.timeout = *timeout;
}

void ReadTriggerRule(Reader& reader, const Member& member, TaskDraft& draft) {
  const auto names = plan::TriggerRuleNames();
  if (member.value.kind == Node::Kind::kString && IsForeignTriggerRule(member.value.text)) {
    reader.Fault(member.value.at,
                 fmt::format("Airflow's trigger rule {} is not known to Busker; there are \"{}\"",
                             Quoted(member.value.text), Join(names, "\", \"")));
    return;
  }
  const auto name = reader.Choice(member, names);
  if (!name) return;
  draft.task.rule = plan::ParseTriggerRule(*name).value_or(plan::TriggerRule::kAllSuccess);
}

void ReadPool(Reader& reader, const Member& member, TaskDraft& draft) {
  auto pool = reader.Name(member);
  if (!pool) return;
  draft.task.pool = *pool == "default_pool" ? "" : *pool;  // Airflow's name for none
}

void ReadPoolSlots(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto slots = reader.Integer(member, 1, 1000)) {
    draft.task.pool_slots = static_cast<int>(*slots);
  }
}

void ReadPriority(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto priority = reader.Integer(member, -1000, 1000)) {
    draft.task.priority = static_cast<int>(*priority);
  }
}

// A string may hold several, with commas or semicolons between.
void ReadEmail(Reader& reader, const Member& member, TaskDraft& draft) {
  const auto texts = reader.Strings(member, "an address");
  if (!texts) return;
  draft.emails.clear();
  for (std::string text : *texts) {
    std::replace(text.begin(), text.end(), ';', ',');
    for (const std::string& part : Split(text, ',')) {
      const std::string email(Trim(part));
      if (email.empty()) continue;
      if (!IsEmail(email) && !IsNamedEmail(email)) {
        reader.Fault(member.value.at, fmt::format("\"email\": {} is not an address, such as "
                                                  "\"ops@example.com\"",
                                                  Quoted(email)));
        return;
      }
      draft.emails.push_back(email);
    }
  }
}

void ReadEmailOnFailure(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto tell = reader.Bool(member)) draft.email_on_failure = *tell;
}

void ReadEmailOnRetry(Reader& reader, const Member& member, TaskDraft&) {
  const auto tell = reader.Bool(member);
  if (!tell || !*tell) return;
  reader.Fault(member.value.at,
               "Airflow's \"email_on_retry\" is not known to Busker; leave it out, or write false");
}

void ReadCpus(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto cpus = reader.Cpus(member)) draft.task.cpus_milli = *cpus;
}

void ReadMemory(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto bytes = reader.Memory(member)) draft.task.memory_bytes = *bytes;
}

void ReadLogBytesMax(Reader& reader, const Member& member, TaskDraft& draft) {
  if (const auto bytes = reader.LogBytes(member)) draft.task.log_bytes_max = *bytes;
}

template <typename Into>
constexpr Key<Into> Row(std::string_view name, std::string_view example,
                        void (*read)(Reader&, const Member&, Into&)) {
  return {{name, example, "", ""}, read};
}

constexpr std::array<Key<GraphDraft>, 12> kGraph = {{
    Row("dag_id", R"("churn-training")", ReadDagId),
    Row("description", R"("Trains the model.")", ReadDescription),
    Row("schedule_interval", R"("0 7 * * *")", ReadSchedule),
    Row("schedule", R"("0 7 * * *")", ReadSchedule),
    Row("start_date", R"("2026-01-01")", ReadStartDate<GraphDraft>),
    Row("end_date", R"("2026-12-31")", ReadEndDate<GraphDraft>),
    Row("timezone", R"("Europe/Stockholm")", ReadTimeZone),
    Row("catchup", "false", ReadCatchup),
    Row("max_active_runs", "1", ReadMaxActiveRuns),
    Row("dagrun_timeout", R"("6h")", ReadRunTimeout),
    Row("tags", R"(["churn"])", ReadTags),
    Row("default_args", R"({"retries": 2})", ReadDefaultArgs),
}};

constexpr std::array<Key<TaskDraft>, 17> kArgs = {{
    Row("owner", R"("ana")", ReadOwner),
    Row("depends_on_past", "true", ReadDependsOnPast),
    Row("retries", "2", ReadRetries),
    Row("retry_delay", "300", ReadRetryDelay),
    Row("retry_exponential_backoff", "true", ReadBackoff),
    Row("max_retry_delay", R"("1h")", ReadRetryDelayMax),
    Row("execution_timeout", R"("2h")", ReadTimeout),
    Row("trigger_rule", R"("all_done")", ReadTriggerRule),
    Row("pool", R"("warehouse")", ReadPool),
    Row("pool_slots", "2", ReadPoolSlots),
    Row("priority_weight", "10", ReadPriority),
    Row("email", R"("ops@example.com")", ReadEmail),
    Row("email_on_failure", "true", ReadEmailOnFailure),
    Row("email_on_retry", "false", ReadEmailOnRetry),
    Row("cpus", "1.5", ReadCpus),
    Row("memory", R"("2GiB")", ReadMemory),
    Row("log_bytes_max", R"("16MiB")", ReadLogBytesMax),
}};

template <std::size_t N, std::size_t M>
constexpr std::array<Key<TaskDraft>, N + M> Joined(const std::array<Key<TaskDraft>, N>& a,
                                                   const std::array<Key<TaskDraft>, M>& b) {
  std::array<Key<TaskDraft>, N + M> joined{};
  for (std::size_t i = 0; i < N; ++i) joined[i] = a[i];
  for (std::size_t i = 0; i < M; ++i) joined[N + i] = b[i];
  return joined;
}

constexpr auto kTask = Joined(std::array<Key<TaskDraft>, 2>{{
                                  Row("name", R"("train")", ReadName),
                                  Row("code", R"("make -C ${ROOT} train")", ReadCode),
                              }},
                              kArgs);

constexpr auto kDefaultArgs =
    Joined(kArgs, std::array<Key<TaskDraft>, 2>{{
                      Row("start_date", R"("2026-01-01")", ReadStartDate<TaskDraft>),
                      Row("end_date", R"("2026-12-31")", ReadEndDate<TaskDraft>),
                  }});

template <typename Keys>
bool Has(const Keys& keys, std::string_view name) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const auto& key) { return key.info.name == name; });
}

std::optional<std::string> HomeOf(std::string_view key) {
  if (Has(kGraph, key)) return "\"graph\"";
  if (Has(kArgs, key)) return "\"default_args\" of \"graph\", or in a task";
  if (Has(kTask, key)) return "a task";
  if (key == "tasks" || key == "dependencies" || key == "graph") return "the file's top level";
  return std::nullopt;
}

constexpr KeyHelp kHelp = {&AirflowRefusal, &HomeOf};

}  // namespace

std::span<const Key<GraphDraft>> GraphKeys() { return kGraph; }
std::span<const Key<TaskDraft>> DefaultArgKeys() { return kDefaultArgs; }
std::span<const Key<TaskDraft>> TaskKeys() { return kTask; }
const KeyHelp& GraphKeyHelp() { return kHelp; }

}  // namespace busker::service
