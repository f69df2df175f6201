// The keys of [actions.NAME].
#include <fmt/core.h>

#include <array>

#include "base/text.h"
#include "plan/cron.h"
#include "service/keys.h"

namespace busker::service {
namespace {

constexpr std::string_view kTextSchema = R"({"type":"string","minLength":1})";
constexpr std::string_view kDurationSchema =
    R"({"type":"string","pattern":"^([0-9]+(ms|s|m|h|d))+$"})";
void ReadCommand(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto command = reader.Command(member)) draft.action.command = std::move(*command);
}

void ReadConfig(Reader& reader, const Member& member, ActionDraft& draft) {
  const auto path = reader.String(member);
  if (!path) return;
  if (!IsPlainRelativePath(*path)) {
    reader.Fault(member.value.at,
                 fmt::format("\"config\": {} must be a path inside the service's folder, without "
                             "\"..\"",
                             Quoted(*path)));
    return;
  }
  draft.action.config = *path;
}

void ReadTarget(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto target = reader.Name(member)) draft.action.target = *target;
}

void ReadInput(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto input = reader.Choice(member, {"live", "as-of", "candidate", "none"})) {
    draft.action.input = *input == "live"        ? Input::kLive
                         : *input == "as-of"     ? Input::kAsOf
                         : *input == "candidate" ? Input::kCandidate
                                                 : Input::kNone;
  }
}

void ReadSchedule(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto schedule = reader.Schedule(member)) draft.action.schedule = std::move(*schedule);
}

void ReadTimeZone(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto zone = reader.TimeZone(member)) draft.action.time_zone = std::move(*zone);
}

void ReadExpectedBy(Reader& reader, const Member& member, ActionDraft& draft) {
  const auto text = reader.String(member);
  if (!text) return;
  const auto digit = [&](std::size_t at) { return (*text)[at] >= '0' && (*text)[at] <= '9'; };
  const bool good = text->size() == 5 && digit(0) && digit(1) && (*text)[2] == ':' && digit(3) &&
                    digit(4) && text->substr(0, 2) < "24" && text->substr(3) < "60";
  if (!good) {
    reader.Fault(
        member.value.at,
        fmt::format("\"expected_by\": {} is not a time of day such as \"08:00\"", Quoted(*text)));
    return;
  }
  draft.action.expected_by = *text;
}

void ReadRetries(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto retries = reader.Integer(member, 0, 100)) {
    draft.action.retries = static_cast<int>(*retries);
  }
}

void ReadRetryDelay(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto delay = reader.Duration(member)) draft.action.retry_delay = *delay;
}

void ReadTimeout(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto timeout = reader.Limit(member)) draft.action.timeout = *timeout;
}

void ReadPromote(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto promote = reader.Bool(member)) draft.action.promotes = *promote;
}

void ReadPromoteWhen(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto condition = reader.String(member)) draft.action.promote_when = std::move(*condition);
}

void ReadRequireApproval(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto required = reader.Bool(member)) draft.action.require_approval = *required;
}

// An instant, or the midnight at which a date begins in the zone of the action, which may stand
// behind it in the file: CheckBounds (service_file.cc) reads it.
void ReadStart(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto text = reader.String(member)) draft.start = std::move(*text);
}

void ReadEnd(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto text = reader.String(member)) draft.end = std::move(*text);
}

void ReadCatchUp(Reader& reader, const Member& member, ActionDraft& draft) {
  const auto name = reader.Choice(member, plan::CatchUpNames());
  if (name) draft.action.catch_up = plan::ParseCatchUp(*name).value_or(plan::CatchUp::kLatest);
}

void ReadCatchUpWindow(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto window = reader.Limit(member)) draft.action.catch_up_window = *window;
}

void ReadAfter(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto names = reader.Strings(member, "an action")) draft.action.after = std::move(*names);
}

void ReadWhenFile(Reader& reader, const Member& member, ActionDraft& draft) {
  const auto path = reader.Path(member, draft.root);
  if (!path) return;
  const auto file = path->substr(path->rfind('/') + 1);
  const std::string text = member.value.text;
  const auto folder = text.substr(0, text.rfind('/') == std::string::npos ? 0 : text.rfind('/'));
  if (file.empty() || file == "." || file == "..") {
    reader.Fault(member.value.at,
                 fmt::format("\"when_file\": {} names a folder; name a file in it, such as "
                             "\"inbox/*.csv\"",
                             Quoted(text)));
  } else if (folder.find('*') != std::string::npos || text.find('*') != text.rfind('*')) {
    reader.Fault(member.value.at,
                 fmt::format("\"when_file\": {} may have one \"*\", in its last part, such as "
                             "\"inbox/*.csv\"",
                             Quoted(text)));
  } else {
    draft.action.when_file = *path;
  }
}

void ReadConcurrency(Reader& reader, const Member& member, ActionDraft& draft) {
  const auto name = reader.Choice(member, plan::OverlapNames());
  if (name) draft.action.overlap = plan::ParseOverlap(*name).value_or(plan::Overlap::kQueue);
}

void ReadRunsAtOnce(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto runs = reader.Integer(member, 1, kRunsAtOnceMax)) {
    draft.action.runs_at_once = static_cast<int>(*runs);
  }
}

void ReadDependsOnPast(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto depends = reader.Bool(member)) draft.action.depends_on_past = *depends;
}

void ReadRetryBackoff(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto backoff = reader.Choice(member, {"exponential", "constant"})) {
    draft.action.exponential = *backoff == "exponential";
  }
}

void ReadRetryDelayMax(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto delay = reader.Limit(member)) draft.action.retry_delay_max = *delay;
}

void ReadRunTimeout(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto timeout = reader.Limit(member)) draft.action.run_timeout = *timeout;
}

void ReadPool(Reader& reader, const Member& member, ActionDraft& draft) {
  if (auto pool = reader.Name(member)) draft.action.pool = std::move(*pool);
}

void ReadPoolSlots(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto slots = reader.Integer(member, 1, 1000)) {
    draft.action.pool_slots = static_cast<int>(*slots);
  }
}

void ReadPriority(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto priority = reader.Integer(member, -1000, 1000)) {
    draft.action.priority = static_cast<int>(*priority);
  }
}

void ReadCpus(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto cpus = reader.Cpus(member)) draft.action.cpus_milli = *cpus;
}

void ReadMemory(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto bytes = reader.Memory(member)) draft.action.memory_bytes = *bytes;
}

void ReadLogBytesMax(Reader& reader, const Member& member, ActionDraft& draft) {
  if (const auto bytes = reader.LogBytes(member)) draft.action.log_bytes_max = *bytes;
}

void ReadDeliver(Reader& reader, const Member& member, ActionDraft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  draft.action.deliveries.clear();
  for (const Member& file : table->members) ReadDelivery(reader, file, draft);
}

void ReadActionSecrets(Reader& reader, const Member& member, ActionDraft& draft) {
  ReadSecrets(reader, member, fmt::format("[actions.{}]", draft.action.name), draft.action.secrets,
              draft.secrets_at);
}

constexpr std::array<Key<ActionDraft>, 33> kAction = {{
    {{"command", R"("build/prediction --action ${ACTION} --config ${CONFIG}")",
      "The command line of this action, where it differs from the one in [model].", kTextSchema},
     ReadCommand},
    {{"config", R"("configs/training.json")",
      "The config file, relative to the service's folder; configs/ACTION.json when it is there.",
      kTextSchema},
     ReadConfig},
    {{"secrets", R"({ WAREHOUSE_PASSWORD_FILE = "warehouse-password" })",
      "Secrets of this action, besides those of [model].", kSecretsSchema},
     ReadActionSecrets},
    {{"input", R"("live")",
      "What is copied into output/ before the program starts: \"live\", the live version (the "
      "default for application); \"as-of\", the newest version whose data date is before the "
      "run's; \"candidate\", the version that a training has just saved: the action tests it "
      "before the gate, which may name its metrics; \"none\".",
      R"({"enum":["live","as-of","candidate","none"]})"},
     ReadInput},
    {{"schedule", R"("0 7 * * *")",
      "When the action runs: five cron fields, or @hourly, @daily, @weekly, @monthly, @yearly.",
      kTextSchema},
     ReadSchedule},
    {{"time_zone", R"("Europe/Stockholm")",
      "The IANA zone of the schedule, the data date and expected_by. UTC unless given.",
      kTextSchema},
     ReadTimeZone},
    {{"start", R"("2026-01-01")",
      "The schedule begins here: a date (midnight in the time zone) or an instant.", kTextSchema},
     ReadStart},
    {{"end", R"("2026-12-31T18:00:00Z")",
      "The schedule ends here: a date (midnight in the time zone) or an instant.", kTextSchema},
     ReadEnd},
    {{"catch_up", R"("all")",
      "Which of the instants that passed while Busker was not running are run. \"latest\" unless "
      "given.",
      R"({"enum":["none","latest","all"]})"},
     ReadCatchUp},
    {{"catch_up_window", R"("7d")", "Instants that are older are not caught up.", kDurationSchema},
     ReadCatchUpWindow},
    {{"after", R"(["training"])",
      "Actions of this service: the action runs when each has succeeded.",
      R"({"type":["string","array"],"items":{"type":"string","minLength":1}})"},
     ReadAfter},
    {{"when_file", R"("inbox/*.csv")",
      "The action runs when this file appears; one \"*\" may stand in the last part.", kTextSchema},
     ReadWhenFile},
    {{"concurrency", R"("skip")",
      "What happens when a run becomes due while another has not ended. \"queue\" unless given.",
      R"({"enum":["queue","skip","replace","allow"]})"},
     ReadConcurrency},
    {{"runs_at_once", "4",
      "How many runs go at the same time. 1 unless given, with concurrency = \"allow\" 16.",
      R"({"type":"integer","minimum":1,"maximum":1000})"},
     ReadRunsAtOnce},
    {{"depends_on_past", "true",
      "A run does not start while the one before it, by schedule, has not succeeded.",
      R"({"type":"boolean"})"},
     ReadDependsOnPast},
    {{"expected_by", R"("08:00")",
      "The time of day, in the time zone, by which the run of the day must have succeeded.",
      R"({"type":"string","pattern":"^([01][0-9]|2[0-3]):[0-5][0-9]$"})"},
     ReadExpectedBy},
    {{"retries", "2", "How often a failed run is tried again. 0 unless given.",
      R"({"type":"integer","minimum":0,"maximum":100})"},
     ReadRetries},
    {{"retry_delay", R"("30s")", "How long to wait before trying again. 5s unless given.",
      kDurationSchema},
     ReadRetryDelay},
    {{"retry_backoff", R"("constant")",
      "Whether the wait doubles with each retry (\"exponential\", the default) or stays.",
      R"({"enum":["exponential","constant"]})"},
     ReadRetryBackoff},
    {{"retry_delay_max", R"("1h")", "The wait grows to this and no further. 1h unless given.",
      kDurationSchema},
     ReadRetryDelayMax},
    {{"timeout", R"("2h")", "How long one try may take. No limit unless given.", kDurationSchema},
     ReadTimeout},
    {{"run_timeout", R"("6h")",
      "How long a whole run may take, retries and waits included. No limit unless given.",
      kDurationSchema},
     ReadRunTimeout},
    {{"pool", R"("warehouse")", "The pool that the action takes slots of; [pools] of the daemon.",
      R"({"type":"string","pattern":"^[a-z0-9][a-z0-9._-]{0,62}$"})"},
     ReadPool},
    {{"pool_slots", "2", "How many slots of the pool it takes. 1 unless given.",
      R"({"type":"integer","minimum":1,"maximum":1000})"},
     ReadPoolSlots},
    {{"priority", "10", "Of those that wait, the highest starts first. 0 unless given.",
      R"({"type":"integer","minimum":-1000,"maximum":1000})"},
     ReadPriority},
    {{"target", R"("local")", "The target that its runs are at; the service's unless given.",
      R"({"type":"string","pattern":"^[a-z0-9][a-z0-9._-]{0,62}$"})"},
     ReadTarget},
    {{"cpus", "1.5", "How many processors it needs. As many as it takes unless given.",
      R"({"type":"number","minimum":0.001,"maximum":1024})"},
     ReadCpus},
    {{"memory", R"("2GiB")", "How much memory it needs.",
      R"({"type":"string","pattern":"^[0-9.]+ ?([KMGT]i?)?B$"})"},
     ReadMemory},
    {{"log_bytes_max", R"("16MiB")",
      "How much of what the program writes is kept, 64KiB to 1GiB: half from its begin, half from "
      "its end. 16MiB unless given.",
      R"({"type":"string","pattern":"^[0-9.]+ ?([KMGT]i?)?B$"})"},
     ReadLogBytesMax},
    {{"promote", "true",
      "Whether what the action saves may become the live version. The default for training, and "
      "for "
      "an action with promote_when.",
      R"({"type":"boolean"})"},
     ReadPromote},
    {{"promote_when", R"("auc >= live.auc - 0.01 and rows > 1000")",
      "The gate: the condition on metrics under which a new version becomes live.", kTextSchema},
     ReadPromoteWhen},
    {{"require_approval", "true",
      "Whether a version that passes waits until somebody makes it live. false unless given.",
      R"({"type":"boolean"})"},
     ReadRequireApproval},
    {{"deliver", R"({ "predictions.csv" = { table = "churn.predictions" } })",
      "The files of output/ that are loaded into warehouse tables; replaces the delivery that "
      "application has by convention.",
      R"({"type":"object","additionalProperties":{"$ref":"#/$defs/delivery"}})"},
     ReadDeliver},
}};

}  // namespace

std::span<const Key<ActionDraft>> ActionKeys() { return kAction; }

}  // namespace busker::service
