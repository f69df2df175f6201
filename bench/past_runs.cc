// Fills a home's record with runs of the past, for graph_bench and api_bench.
//
//   past_runs RECORD GRAPH COUNT            COUNT runs of one task that has succeeded
//   past_runs RECORD GRAPH COUNT GRAPHS [FIRST]
//
// of GRAPH-0, GRAPH-1, ... in turn, of which one in fifty failed, and those whose last one did need
// a look; a % in GRAPH is where the number goes. A run a minute.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "record/sqlite_record.h"

namespace {

using namespace busker;
using enum plan::State;

constexpr int kTurn = 1000;
constexpr Instant kBegin{std::chrono::hours(24 * 365 * 50)};

struct Batch {
  std::vector<plan::Decision> begin, end;
  std::vector<record::AttemptRow> ended;
  std::vector<record::PreparedRun> prepared;
};

std::string Numbered(const std::string& graph, int number) {
  const std::size_t place = graph.find('%');
  if (place == std::string::npos) return fmt::format("{}-{}", graph, number);
  return fmt::format("{}{}{}", graph.substr(0, place), number, graph.substr(place + 1));
}

void AddRun(Batch& batch, const std::string& graph, int number, bool failed) {
  const Instant now = kBegin + std::chrono::minutes(number);
  plan::Task task;
  task.name = "only";
  plan::DagRun run;
  run.id = fmt::format("20200101-000000-{:06}", number);
  run.graph = plan::GraphKey::Parse(graph);
  run.due = run.scheduled_at = run.requested_at = now;
  run.data_date = FormatRfc3339(now).substr(0, 10);
  run.trigger = "schedule";
  run.requested_by = "busker";
  run.prepared = true;
  run.tasks = {task};
  record::AttemptRow row;
  row.run = run.id;
  row.task = task.name;
  row.number = 1;
  row.ended_at = now;
  row.ending = failed ? "exited" : "succeeded";
  row.exit_code = failed ? 1 : 0;
  const plan::State end = failed ? kFailed : kSucceeded;
  const std::string why = failed ? "exit code 1" : "";
  batch.prepared.push_back({run.id, "", "", "", std::string(64, 'd'), {{std::string(600, 'o')}}});
  batch.begin.push_back(plan::RunQueued{run});
  batch.begin.push_back(plan::RunChanged{run.id, kQueued, kRunning, ""});
  batch.begin.push_back(plan::TaskChanged{run.id, task.name, kQueued, kRunning, ""});
  batch.begin.push_back(plan::StartAttempt{run.id, task.name, 1});
  batch.end.push_back(plan::TaskChanged{run.id, task.name, kRunning, end, why});
  batch.end.push_back(plan::RunChanged{run.id, kRunning, end, why});
  batch.ended.push_back(row);
}

bool Fails(int number) { return number % 50 == 49; }

// As the engine has it of graphs whose newest run failed.
Result<void> NoteTroubles(record::Record& record, record::Epoch epoch, const std::string& graph,
                          int graphs, int end) {
  std::vector<plan::Decision> noted;
  for (int number = end - graphs; number < end; ++number) {
    if (!Fails(number)) continue;
    plan::GraphMemory memory;
    memory.key = plan::GraphKey::Parse(Numbered(graph, number % graphs));
    memory.trouble = plan::Trouble::kFailed;
    noted.push_back(plan::GraphNoted{memory, "", ""});
  }
  record::Turn turn;
  turn.now = kBegin;
  turn.epoch = epoch;
  turn.decisions = noted;
  return record.Append(turn);
}

// `first`: the number of the first run, where others are on record already.
Result<void> Fill(const std::string& path, const std::string& graph, int count, int graphs,
                  int first) {
  TRY_ASSIGN(const auto record, record::OpenSqliteRecord(path, true));
  TRY_ASSIGN(const record::Epoch epoch,
             record->TakeLead(record::kOwnerOfHome, kBegin, std::nullopt));
  for (int number = first; number < first + count;) {
    Batch batch;
    for (; number < first + count && batch.ended.size() < kTurn; ++number) {
      if (graphs == 0) {
        AddRun(batch, graph, number, false);
      } else {
        AddRun(batch, Numbered(graph, number % graphs), number, Fails(number));
      }
    }
    record::Turn turn;
    turn.now = kBegin;
    turn.epoch = epoch;
    turn.decisions = batch.begin;
    turn.prepared = batch.prepared;
    TRY(record->Append(turn));
    turn.decisions = batch.end;
    turn.prepared = {};
    turn.ended = batch.ended;
    TRY(record->Append(turn));
  }
  if (graphs == 0 || count < graphs) return {};
  return NoteTroubles(*record, epoch, graph, graphs, first + count);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4 || count > 6) {
    std::fprintf(stderr, "usage: past_runs RECORD GRAPH COUNT [GRAPHS [FIRST]]\n");
    return 2;
  }
  const auto filled =
      Fill(arguments[1], arguments[2], std::atoi(arguments[3]),
           count >= 5 ? std::atoi(arguments[4]) : 0, count == 6 ? std::atoi(arguments[5]) : 0);
  if (!filled) {
    std::fprintf(stderr, "past_runs: %s\n", filled.error().message.c_str());
    return 1;
  }
  return 0;
}
