// Processes of this machine and containers sit the exam of executors, Busker's own steps the part
// that holds for them.
#include <signal.h>
#include <sys/wait.h>

#include "execute/docker_place.h"
#include "execute/executor_conformance.h"
#include "execute/process_executor.h"
#include "execute/step_executor.h"
#include "execute/vm_place.h"
#include "io/subprocess.h"

namespace busker::execute {
namespace {

class ProcessPlace : public PlaceUnderTest {
 public:
  // What an executor started that is gone by now was a child of this process.
  ~ProcessPlace() override {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
  std::unique_ptr<Executor> Open(Executor::OnEnded on_ended,
                                 Executor::SecretOf secret_of) override {
    return ProcessExecutor::Start(BUSKER_RUNNER_PATH, folder_ / "runs", std::move(on_ended),
                                  std::move(secret_of))
        .value();
  }
  io::fs::path FolderOf(const attempt::Name& name) override {
    return attempt::FolderOf(folder_ / "runs", name);
  }
  void KillRunner(const attempt::Name& name) override {
    const auto runner = FindRunner(FolderOf(name));
    ASSERT_TRUE(runner && *runner) << "no runner to be killed";
    kill((*runner)->process, SIGKILL);
  }
  io::fs::path Shared() override { return folder_.path(); }

 private:
  const io::TestFolder folder_;
};

std::unique_ptr<PlaceUnderTest> MakeProcessPlace() { return std::make_unique<ProcessPlace>(); }

// And Busker's own steps, each on a thread.
ErrorKind KindOf(int exit_code) {
  for (const ErrorKind kind : {ErrorKind::kInvalid, ErrorKind::kNotFound, ErrorKind::kTimedOut}) {
    if (ExitCodeOf(kind) == exit_code) return kind;
  }
  return ErrorKind::kFailed;
}

// A step that runs the script of the order.
Result<StepEnd> RunScript(const attempt::Order& order, const MayChange& may_change) {
  TRY_ASSIGN(const io::Captured ran,
             io::RunAndCapture({order.command, order.environment, {}}, std::chrono::seconds(60)));
  TRY(may_change());
  const std::string said = ran.output + ran.errors;
  if (ran.exit_code != 0) return Fail(KindOf(ran.exit_code), said);
  return StepEnd{said, ""};
}

class StepPlace : public PlaceUnderTest {
 public:
  std::unique_ptr<Executor> Open(Executor::OnEnded on_ended, Executor::SecretOf) override {
    return std::make_unique<StepExecutor>(folder_ / "runs", RunScript, std::move(on_ended));
  }
  io::fs::path FolderOf(const attempt::Name& name) override {
    return attempt::FolderOf(folder_ / "runs", name);
  }
  void KillRunner(const attempt::Name&) override {}  // it has none
  io::fs::path Shared() override { return folder_.path(); }

 private:
  const io::TestFolder folder_;
};

std::unique_ptr<PlaceUnderTest> MakeStepPlace() { return std::make_unique<StepPlace>(); }

std::string NameOf(const testing::TestParamInfo<std::tuple<MakePlace, bool>>& tested) {
  return std::get<1>(tested.param) ? "Synced" : "Unsynced";
}

INSTANTIATE_TEST_SUITE_P(Processes, ExecutorConformance,
                         testing::Combine(testing::Values(&MakeProcessPlace), testing::Bool()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Processes, EveryExecutorConformance,
                         testing::Combine(testing::Values(&MakeProcessPlace), testing::Bool()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Steps, EveryExecutorConformance,
                         testing::Combine(testing::Values(&MakeStepPlace), testing::Values(true)),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Processes, ExecutorSecretsConformance,
                         testing::Combine(testing::Values(&MakeProcessPlace), testing::Bool()),
                         NameOf);

INSTANTIATE_TEST_SUITE_P(Docker, ExecutorConformance,
                         testing::Combine(testing::ValuesIn(DockerPlaces()), testing::Bool()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Docker, EveryExecutorConformance,
                         testing::Combine(testing::ValuesIn(DockerPlaces()), testing::Bool()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Docker, ExecutorSecretsConformance,
                         testing::Combine(testing::ValuesIn(DockerPlaces()), testing::Bool()),
                         NameOf);

INSTANTIATE_TEST_SUITE_P(Vm, ExecutorConformance,
                         testing::Combine(testing::ValuesIn(VmPlaces()), testing::Bool()), NameOf);
INSTANTIATE_TEST_SUITE_P(Vm, EveryExecutorConformance,
                         testing::Combine(testing::ValuesIn(VmPlaces()), testing::Bool()), NameOf);
INSTANTIATE_TEST_SUITE_P(Vm, ExecutorSecretsConformance,
                         testing::Combine(testing::ValuesIn(VmPlaces()), testing::Bool()), NameOf);

}  // namespace
}  // namespace busker::execute
