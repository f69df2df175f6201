// One attempt with the real busker-runner, for tests only.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "artifact/directory_store.h"
#include "artifact/version.h"
#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "attempt/log.h"
#include "attempt/order.h"
#include "base/text.h"
#include "io/test_folder.h"
#include "runner/start_marker.h"

namespace busker::runner {

class AttemptTest : public testing::Test {
 protected:
  AttemptTest() {
    folder_.Write("service/configs/training.json", "{\"name\": \"${NAME}\"}");
    folder_.Write("service/source/data.txt", "42\n");
    io::fs::create_directory(attempt_);
    order_.run = "20190801-000000-abc123";
    order_.task = "training";
    order_.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    order_.root = (folder_ / "service").string();
    order_.config = "configs/training.json";
    order_.placeholders = {{"NAME", "churn"}};
    order_.store_url = "file://" + (folder_ / "store").string();
    order_.output = "churn/1/training/20190801T000000Z";
    order_.required_outputs = {"model"};
    order_.grace = Milliseconds(300);
    order_.data_date = "2019-08-01";
  }

  // What the runner is handed.
  std::string Sealed() const {
    return attempt::Seal({order_.number, instance_, order_.boot, {}}, attempt::OrderToJson(order_));
  }

  void Command(const std::string& script) { order_.command = {"sh", "-c", script}; }

  // Starts a runner of the attempt. `before_exec` is called in its process.
  pid_t StartRunner(const std::function<void()>& before_exec = [] {}) {
    const auto written = io::WriteFileAtomically(attempt_ / attempt::kOrderFile, Sealed());
    CHECK(written, "a test can write an order");
    const pid_t pid = fork();
    if (pid != 0) return pid;
    const int errors = ::open((folder_ / "errors").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(errors, 2);
    before_exec();
    execl(BUSKER_RUNNER_PATH, "busker-runner", attempt_.c_str(), nullptr);
    _exit(126);
  }

  // Its exit code, or minus the signal that ended it.
  static int WaitFor(pid_t runner) {
    int status = 0;
    while (waitpid(runner, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  // Runs the attempt to its end and returns the exit record.
  attempt::ExitRecord Run(const std::function<void()>& before_exec = [] {}) {
    EXPECT_EQ(WaitFor(StartRunner(before_exec)), 0) << Errors();
    return Exit();
  }
  attempt::ExitRecord Run(const std::string& script) {
    Command(script);
    return Run();
  }

  attempt::ExitRecord Exit() {
    auto record = attempt::ExitFromJson(folder_.Read("attempt/exit.json"));
    EXPECT_TRUE(record) << record.error().message;
    return record.value_or(attempt::ExitRecord{});
  }
  bool WasStarted() {
    const auto marker = ReadStartMarker(attempt_);
    EXPECT_TRUE(marker);
    return marker && marker->has_value();
  }
  bool HasExit() { return io::fs::exists(attempt_ / attempt::kExitFile); }
  std::string Errors() { return folder_.Read("errors"); }

  std::string Log() {
    std::string text;
    attempt::LogReader reader(attempt_);
    EXPECT_TRUE(reader.ReadNew([&](std::string_view bytes) { text += bytes; }));
    return text;
  }

  // The versions that everybody sees; a version that is not whole is a failure.
  std::vector<artifact::Manifest> Versions() {
    const auto store = artifact::OpenStore(order_.store_url).value();
    std::vector<std::string> unreadable;
    auto versions =
        artifact::ListVersions(*store, "churn", "1", "", artifact::ForFiles(), &unreadable).value();
    EXPECT_TRUE(unreadable.empty()) << Join(unreadable, "; ");
    for (const auto& manifest : versions) {
      const auto whole = artifact::Verify(*store, manifest, artifact::ForFiles());
      EXPECT_TRUE(whole) << whole.error().message;
    }
    return versions;
  }

  // Waits until `condition` holds; false after some seconds.
  static bool Soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 12'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  bool SoonThere(const std::string& name) {
    return Soon([&] { return io::fs::exists(folder_ / name); });
  }

  // Has the process ended? A zombie has.
  static bool IsGone(pid_t process) {
    const std::string stat =
        io::ReadFile("/proc/" + std::to_string(process) + "/stat").value_or("");
    const auto name_end = stat.rfind(')');
    return name_end == std::string::npos || stat.substr(name_end + 2, 1) == "Z";
  }
  pid_t PidIn(const std::string& name) {
    const std::string text(Trim(folder_.Read(name)));
    return text.empty() || text.find_first_not_of("0123456789") != std::string::npos
               ? 0
               : static_cast<pid_t>(std::stoi(text));
  }
  std::string PathOf(const std::string& name) { return (folder_ / name).string(); }

  const io::TestFolder folder_;
  const io::fs::path attempt_ = folder_ / "attempt";
  attempt::Order order_;
  // A test in another process must not take our processes for its own.
  std::string instance_ = "test-" + std::to_string(getpid());
};

}  // namespace busker::runner
