// A graph file: tasks of shell code, their dependencies and a schedule, as JSON
// (docs/graph-files.md). {"graph": {...}, "tasks": [{"name", "code"}], "dependencies": [["child",
// "parent"]]}; the words of "graph" are Airflow's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "service/fault.h"
#include "service/log_setting.h"
#include "service/schedule_setting.h"

namespace busker::service {

struct GraphTask {
  std::string name;                // [A-Za-z0-9_][A-Za-z0-9_.-]{0,199}: safe as part of a path
  std::string code;                // for bash -c; ${ROOT} is replaced already
  std::vector<std::string> after;  // parents, each once, in the order of the file
  plan::TriggerRule rule = plan::TriggerRule::kAllSuccess;
  int retries = 0;
  Milliseconds retry_delay{300'000};
  bool exponential = false;  // the delay doubles with each retry
  std::optional<Milliseconds> retry_delay_max;
  std::optional<Milliseconds> timeout;  // of one attempt
  std::string pool;                     // empty: none
  int pool_slots = 1;
  int priority = 0;                         // -1000..1000, higher first
  int cpus_milli = 0;                       // 1500: one and a half; 0: not said
  std::uint64_t memory_bytes = 0;           // 0: not said
  std::uint64_t log_bytes_max = kLogBytes;  // kept of what it writes: half from each end
  bool depends_on_past = false;  // waits until it has succeeded in the run before, by schedule
  std::string owner;
};

struct GraphFile {
  std::string path;  // absolute
  std::string root;  // ${ROOT}: the parent of the folder that holds the file; absolute
  std::string id;    // dag_id; formed like the name of a task
  std::string description, owner;
  std::vector<std::string> tags;

  // Cron text or @daily and its kin; checked. Airflow's meaning: consecutive instants s, e of the
  // schedule bound an interval; its run begins at e, and its data date is that of s. `start` and
  // `end` bound s (both inclusive).
  std::optional<std::string> schedule;
  bool once = false;  // "@once": one run, at `start` or when first seen; then no schedule
  std::string time_zone = "UTC";
  std::optional<Instant> start, end;
  plan::CatchUp catch_up = plan::CatchUp::kLatest;
  plan::Overlap overlap = plan::Overlap::kQueue;
  int runs_at_once = 16;                    // max_active_runs
  std::optional<Milliseconds> run_timeout;  // of a whole run

  std::vector<GraphTask> tasks;  // at least one; each comes behind its parents
  Notify notify;                 // from "email"; only emails and "failed"
  std::string definition;        // SHA-256 of the file, as it was read
};

// A graph file as it was read. Most of what it says is needed while a run of it is prepared, and
// takes several times the memory until then.
struct GraphText {
  std::string path;  // as it was given
  std::string text;
  std::string Definition() const;  // as GraphFile::definition
};

// kNotFound when the file is not there.
Result<GraphText> ReadGraphText(const std::string& path);

// The first fault is kInvalid: "path:line:column: what is wrong, and the remedy", with `path` as
// given; a file that is not there is kNotFound.
Result<GraphFile> LoadGraphFile(const std::string& path);
Result<GraphFile> LoadGraphFile(const GraphText& text);

// The same as far as it can be read; its faults are added, in the name that `faults` has.
Result<GraphFile> ReadGraphFile(const std::string& path, Faults& faults);

// Every fault of the file, a sentence each, in its order; empty: all is well.
std::vector<std::string> ValidateGraphFile(const std::string& path);

// Whether the text has "graph" and "tasks" among the keys at its top, be it JSON as a whole or not
// (then "graph" alone will do): what tells a graph file from the config of an action.
bool LooksLikeGraphFile(std::string_view text);

// Whether the file is there and looks like one.
bool IsGraphFile(const std::string& path);

// How a task's code is started: {"bash", "-c", code}.
std::vector<std::string> CommandOf(const GraphTask& task);

inline constexpr std::size_t kGraphFileBytesMax = 8u << 20;
inline constexpr std::size_t kGraphTasksMax = 10'000;
inline constexpr std::size_t kGraphDependenciesMax = 100'000;

}  // namespace busker::service
