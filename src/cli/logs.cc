// busker logs: what the tasks of a run wrote.
#include <fmt/core.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "attempt/folder.h"
#include "attempt/log.h"
#include "attempt/log_follower.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/graph_names.h"
#include "cli/line_cutter.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "home/ownership.h"
#include "serve/attempt_end.h"

namespace busker::cli {
namespace {

constexpr int kGatherMs = 40;
constexpr std::chrono::seconds kAskRecordAgain(2);

// A log on its way to standard output: as a terminal would show it, or with --raw as it is.
class Shower {
 public:
  Shower(bool raw, std::optional<std::uint64_t> tail) : raw_(raw), tail_(tail) {}

  // All lines of a block go out in one piece: a program may write a million.
  void Add(std::string_view bytes) {
    if (raw_) return Print(bytes);
    lines_.Add(bytes);
    if (!text_.empty() && !tail_) Print(std::exchange(text_, {}));
  }
  // What was held back for the end of what there is now; what comes later is shown as it comes.
  void ShowTail() {
    if (!tail_) return;
    tail_.reset();
    for (const std::string& line : last_) text_ += line;
    last_.clear();
    if (!text_.empty()) Print(std::exchange(text_, {}));
  }
  void ShowUnfinished() {
    if (!lines_.rest().empty()) PrintUnfinished(ShownLine(lines_.rest(), Colours::kDropped));
  }
  void End() {
    lines_.Flush();
    ShowTail();
    if (!text_.empty()) Print(std::exchange(text_, {}));
  }

 private:
  const bool raw_;
  std::optional<std::uint64_t> tail_;
  std::deque<std::string> last_;  // lines, where only the last ones are wanted
  std::string text_;
  LineCutter lines_{[this](std::string_view line) {
    std::string shown = ShownLine(line, ColoursOfPrograms()) + '\n';
    if (!tail_) {
      text_ += shown;
      return;
    }
    last_.push_back(std::move(shown));
    if (last_.size() > *tail_) last_.pop_front();
  }};
};

void ShowHead(const std::string& task, int attempt) {
  PrintLine(Dim(fmt::format("==> {}, attempt {} <==", task, attempt)));
}

// Waits until the record is written to again, at most two seconds: a writer may have died.
void WaitForNews(const Place& place, int changes_fd) {
  pollfd wait{changes_fd, POLLIN, 0};
  poll(&wait, 1, HasHome(place.home) ? 2000 : 0);
  poll(nullptr, 0, kGatherMs);  // whoever runs writes often, and each look costs the processor
  char buffer[4096];
  while (::read(changes_fd, buffer, sizeof buffer) > 0) {
  }
}

// Shows what is written until the attempt is over.
Result<void> FollowAttempt(attempt::LogFollower& follower, const Place& place,
                           record::Record& record, const attempt::Name& name, Shower& shower) {
  const io::fs::path folder = attempt::FolderOf(place.home.RunsFolder(), name);
  std::error_code error;
  const bool over = io::fs::exists(folder / attempt::kExitFile, error);
  attempt::LogReader reader(folder);
  const auto show = [&](std::string_view bytes) { shower.Add(bytes); };
  TRY(reader.ReadNew(show));
  if (over) return {};
  shower.ShowTail();
  shower.ShowUnfinished();
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  const std::string key = folder.string();
  follower.Follow(key, {.reader = std::move(reader),
                        .use = show,
                        .caught_up = [&] { shower.ShowUnfinished(); },
                        .ended =
                            [&] {
                              const std::lock_guard lock(mutex);
                              ended = true;
                              changed.notify_all();
                            }});
  std::unique_lock lock(mutex);
  while (!changed.wait_for(lock, kAskRecordAgain, [&] { return ended; })) {
    lock.unlock();
    const auto run = record.FindRun(name.run);
    if (!run || serve::IsOver(*run, name)) {
      follower.End(key);  // before all that it hands to goes out of scope
      return run ? Result<void>() : tl::unexpected(run.error());
    }
    lock.lock();
  }
  return {};
}

// Shows each attempt as it comes, until the run has ended.
Result<int> Follow(const Place& place, record::Record& record, const std::string& id,
                   const LogsOptions& options) {
  const std::string& only_task = options.task;
  const io::Descriptor changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  inotify_add_watch(changes.get(), place.home.folder.c_str(), IN_MODIFY | IN_CREATE);
  attempt::LogFollower follower;
  std::map<std::string, int> shown;  // attempts of each task
  for (;;) {
    TRY_ASSIGN(const record::RunRow run, record.FindRun(id));
    bool something = false;
    for (const record::TaskRow& row : run.tasks) {
      const plan::Task& task = row.task;
      const bool wanted = only_task.empty() || task.name == only_task;
      const int next = shown[task.name] + 1;
      std::error_code error;
      const io::fs::path folder = attempt::FolderOf(place.home.RunsFolder(), {id, task.name, next});
      if (!wanted || next > task.attempts || !io::fs::exists(folder, error)) continue;
      if (only_task.empty()) ShowHead(task.name, next);
      Shower shower(options.raw, options.tail);
      TRY(FollowAttempt(follower, place, record, {id, task.name, next}, shower));
      shower.End();
      shown[task.name] = next;
      something = true;
    }
    if (something) continue;  // all that the record told of was shown; to read it takes time
    if (IsFinal(run.state)) return 0;
    if (home::OwnerOf(place.home).empty()) {
      return Temporary(
          fmt::format("run {} is unfinished and no busker is at work; the next busker "
                      "run finishes it",
                      id));
    }
    WaitForNews(place, changes.get());
  }
}

}  // namespace

Result<int> Logs(const Common& common, const LogsOptions& options) {
  if (options.raw && IsTerminal()) {
    return Invalid(
        "the bytes of a log can steer a terminal; send --raw into a file or a pipe, such as "
        "busker logs --raw > log.txt");
  }
  if (options.raw && options.tail) {
    return Invalid("--tail counts lines, and --raw is bytes; leave one of them out");
  }
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  TRY_ASSIGN(const auto record, OpenRecord(place.home));
  TRY_ASSIGN(const record::RunRow run, FindRun(place, *record, options.what));
  const bool task_known =
      options.task.empty() || std::any_of(run.tasks.begin(), run.tasks.end(), [&](const auto& row) {
        return row.task.name == options.task;
      });
  if (!task_known) {
    std::vector<std::string> names;
    for (const auto& task : run.tasks) names.push_back(task.task.name);
    return NotFound(fmt::format("run {} has no task {}; it has {}", run.facts.id, options.task,
                                Join(names, ", ")));
  }
  if (options.follow) return Follow(place, *record, run.facts.id, options);
  for (const record::TaskRow& row : run.tasks) {
    const plan::Task& task = row.task;
    if (!options.task.empty() && task.name != options.task) continue;
    const int attempt = options.attempt.value_or(task.attempts);
    if (attempt == 0) continue;  // not begun
    if (attempt < 1 || attempt > task.attempts) {
      return NotFound(fmt::format("task {} of run {} has no attempt {}; it has {}", task.name,
                                  run.facts.id, attempt, task.attempts));
    }
    if (run.tasks.size() > 1 && options.task.empty()) ShowHead(task.name, attempt);
    const io::fs::path folder =
        attempt::FolderOf(place.home.RunsFolder(), {run.facts.id, task.name, attempt});
    Shower shower(options.raw, options.tail);
    TRY(attempt::LogReader(folder).ReadNew([&](std::string_view bytes) { shower.Add(bytes); }));
    shower.End();
  }
  return 0;
}

}  // namespace busker::cli
