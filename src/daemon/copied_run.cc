#include "daemon/copied_run.h"

#include <algorithm>
#include <cstdio>
#include <system_error>

#include "base/json_object.h"

namespace busker::daemon {
namespace {

using nlohmann::ordered_json;

constexpr char kEnding[] = ".json";
constexpr char kHowFar[] = "copied.json", kWhereTo[] = "copied-to.json";

ordered_json ToJson(const CopiedAttempt& attempt) {
  ordered_json json = {{"task", attempt.task},     {"number", attempt.number},
                       {"offset", attempt.offset}, {"at", FormatRfc3339(attempt.at)},
                       {"whole", attempt.whole},   {"intent", nullptr}};
  if (attempt.intent) {
    json["intent"] = {{"end", attempt.intent->end}, {"at", FormatRfc3339(attempt.intent->at)}};
  }
  return json;
}

Result<CopiedAttempt> AttemptIn(const ordered_json& json) {
  CopiedAttempt attempt;
  JsonObject in(json, "an attempt");
  in.Get("task", attempt.task);
  in.Get("number", attempt.number);
  in.Get("offset", attempt.offset);
  in.Get("at", attempt.at);
  in.Get("whole", attempt.whole);
  const ordered_json& intent = in.Member("intent");
  TRY(in.Done());
  if (intent.is_null()) return attempt;
  attempt.intent.emplace();
  JsonObject of(intent, "an intent");
  of.Get("end", attempt.intent->end);
  of.Get("at", attempt.intent->at);
  TRY(of.Done());
  return attempt;
}

Result<CopiedRun> RunIn(const std::string& text) {
  TRY_ASSIGN(const ordered_json json, ParseOwnJson(text, kHowFar));
  CopiedRun run;
  JsonObject in(json, kHowFar);
  in.GetEach("attempts", run.attempts, AttemptIn);
  in.Get("begun", run.begun);
  in.Get("said_done", run.said_done);
  in.Get("lines", run.lines);
  in.Get("refused", run.refused);
  in.Get("why_refused", run.why_refused);
  TRY(in.Done());
  return run;
}

}  // namespace

CopiedAttempt& CopiedRun::Of(const std::string& task, int number) {
  const auto found = std::find_if(attempts.begin(), attempts.end(), [&](const CopiedAttempt& one) {
    return one.task == task && one.number == number;
  });
  if (found != attempts.end()) return *found;
  attempts.push_back({task, number, 0, {}, std::nullopt, false});
  return attempts.back();
}

Result<void> CopiedRuns::Begin(const std::string& run, const CopyTo& to) const {
  TRY(io::MakeFolders(folder_, 0700));
  return io::WriteFileAtomically(
      OpenFile(run), JsonText({{"project", to.project}, {"log", to.log}, {"service", to.service}}),
      0600);
}

Result<std::vector<std::string>> CopiedRuns::List() const {
  std::vector<std::string> runs;
  std::error_code error;
  io::fs::directory_iterator entry(folder_, error);
  for (; !error && entry != io::fs::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.starts_with('.') || !name.ends_with(kEnding)) continue;
    name.resize(name.size() - (sizeof kEnding - 1));
    runs.push_back(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Failed("list " + folder_.string() + ": " + error.message());
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

Result<CopyTo> CopiedRuns::Where(const std::string& run) const {
  const std::string what = OpenFile(run).string();
  TRY_ASSIGN(const std::string text, io::ReadFile(OpenFile(run)));
  TRY_ASSIGN(const ordered_json json, ParseOwnJson(text, what));
  CopyTo to;
  JsonObject in(json, what);
  in.Get("project", to.project);
  in.Get("log", to.log);
  in.Get("service", to.service);
  TRY(in.Done());
  return to;
}

CopiedRun CopiedRuns::Load(const std::string& run) const {
  const auto text = io::ReadFile(runs_folder_ / run / kHowFar);
  if (!text) return {};
  return RunIn(*text).value_or(CopiedRun());
}

Result<void> CopiedRuns::Save(const std::string& run, const CopiedRun& copied) const {
  ordered_json attempts = ordered_json::array();
  for (const CopiedAttempt& attempt : copied.attempts) attempts.push_back(ToJson(attempt));
  const ordered_json json = {
      {"attempts", std::move(attempts)}, {"begun", copied.begun},
      {"said_done", copied.said_done},   {"lines", copied.lines},
      {"refused", copied.refused},       {"why_refused", copied.why_refused}};
  return io::WriteFileUnsynced(runs_folder_ / run / kHowFar, JsonText(json), 0600);
}

Result<void> CopiedRuns::End(const std::string& run) const {
  std::error_code error;
  // A run of which no attempt began has no folder, and will not be taken up again where it was.
  io::fs::rename(OpenFile(run), runs_folder_ / run / kWhereTo, error);
  if (!error) return {};
  io::fs::remove(OpenFile(run), error);
  if (!error) return {};
  return Failed("remove " + OpenFile(run).string() + ": " + error.message());
}

bool CopiedRuns::BeginAgain(const std::string& run) const {
  std::error_code error;
  io::fs::rename(runs_folder_ / run / kWhereTo, OpenFile(run), error);
  return !error;
}

}  // namespace busker::daemon
