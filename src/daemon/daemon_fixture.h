// For tests: a daemon in a temporary home, which serves graph files beside it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "daemon/client.h"
#include "daemon/daemon.h"
#include "home/home.h"
#include "io/test_folder.h"

namespace busker::daemon {

inline constexpr Milliseconds kLimit{20'000};

// A home in a temporary folder, and a daemon that serves graph files beside it.
class DaemonTest : public testing::Test {
 protected:
  DaemonTest() {
    WriteGraph("nightly", "true");
    WriteGraph("broken", "exit 3");
    WriteGraph("long", "sleep 60");
    WriteGraph("daily", "true", ", \"schedule_interval\": \"@daily\", \"max_active_runs\": 3");
  }

  void WriteGraph(const std::string& id, const std::string& code, const std::string& more = "") {
    folder_.Write("configs/" + id + ".json",
                  "{\"graph\": {\"dag_id\": \"" + id + "\", \"start_date\": \"2019-01-01\"" + more +
                      "}, \"tasks\": [{\"name\": \"a\", \"code\": \"" + code +
                      "\"}, {\"name\": \"b\", \"code\": \"true\"}], \"dependencies\": [[\"b\", "
                      "\"a\"]]}");
  }

  void StartDaemon(bool schedules = false, const std::string& target = "local") {
    home_ = home::MakeHome(folder_ / "home").value();
    DaemonOptions options;
    options.paths = {folder_.path().string()};
    options.schedules = schedules;
    options.yields = !schedules;
    options.target = target;
    options.runner = BUSKER_RUNNER_PATH;
    options.environment = {"PATH=/usr/bin:/bin"};
    auto started = Daemon::Start(home_, options);
    ASSERT_TRUE(started) << started.error().message;
    daemon_ = std::move(*started);
    client_.emplace(home_.Socket());
    Reach();
  }

  StartRequest Of(const plan::GraphKey& graph, const std::string& key = "") {
    StartRequest request;
    request.graph = graph;
    request.key = key;
    request.by = "a test";
    return request;
  }

  // Starts a run, and waits until it has ended.
  std::string RunToEnd(const plan::GraphKey& graph) {
    const auto run = owner().StartAndFollow(
        Of(graph), {[](const std::string&) {}, [](const plan::Decision&) { return true; }});
    EXPECT_TRUE(run) << run.error().message;
    return run.value_or("");
  }

  plan::State StateOf(const std::string& run) {
    auto record = record::OpenRecord(home_.RecordUrl()).value();
    return record->FindRun(run)->state;
  }

  // Waits until the run works on its first task.
  void AwaitStart(const std::string& run) {
    ASSERT_TRUE(owner().Follow(run, kLimit, [](const plan::Decision& decision) {
      return !std::holds_alternative<plan::StartAttempt>(decision);
    }));
  }

  virtual const Owner& owner() const { return *client_; }
  virtual void Reach() {}  // the daemon that was just started
  Requests& requests() { return daemon_->requests(); }

  io::TestFolder folder_;
  home::Home home_;
  std::unique_ptr<Daemon> daemon_;
  std::optional<Client> client_;
};

}  // namespace busker::daemon
