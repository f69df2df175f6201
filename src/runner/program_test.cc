// The file busker-runner: what it needs, and what it says.
#include <elf.h>

#include "attempt/exit_record.h"
#include "runner/attempt_fixture.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;
using RunnerProgramTest = AttemptTest;

TEST(RunnerProgram, IsSmallAndNeedsNothingElse) {
  const std::string program = io::ReadFile(BUSKER_RUNNER_PATH, 1u << 30).value();
  Elf64_Ehdr header;
  ASSERT_GE(program.size(), sizeof header);
  memcpy(&header, program.data(), sizeof header);
  std::uint64_t loaded_bytes = 0;
  bool needs_a_loader = false;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    memcpy(&segment, program.data() + header.e_phoff + static_cast<std::size_t>(i) * sizeof segment,
           sizeof segment);
    if (segment.p_type == PT_LOAD) loaded_bytes += segment.p_filesz;
    if (segment.p_type == PT_INTERP) needs_a_loader = true;
  }
#ifdef BUSKER_RUNNER_STATIC
  EXPECT_FALSE(needs_a_loader);
  EXPECT_LE(loaded_bytes, 8u << 20);  // what is left of the file when it is stripped
#else
  EXPECT_TRUE(needs_a_loader);  // a build with sanitizers
#endif
}

#ifdef BUSKER_RUNNER_STATIC
TEST_F(RunnerProgramTest, RunsInAnEmptyContainer) {
  if (geteuid() != 0) return;  // chroot is for root; the test above checks what it needs
  const fs::path root = folder_ / "container";
  fs::create_directory(root);
  fs::copy_file(BUSKER_RUNNER_PATH, root / "busker-runner");
  fs::create_directory(root / "attempt");
  order_.root = order_.config = "";
  order_.required_outputs.clear();
  order_.store_url = "file:///store";
  order_.environment = {};
  order_.command = {"/busker-runner", "--version"};
  ASSERT_TRUE(io::WriteFileAtomically(root / "attempt/attempt.json", Sealed()));
  const pid_t pid = fork();
  if (pid == 0) {
    if (chroot(root.c_str()) == 0 && chdir("/") == 0) {
      execl("/busker-runner", "busker-runner", "/attempt", nullptr);
    }
    _exit(126);
  }
  EXPECT_EQ(WaitFor(pid), 0);
  const auto record = attempt::ExitFromJson(folder_.Read("container/attempt/exit.json"));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->ending, attempt::Ending::kSucceeded) << record->message;
  EXPECT_EQ(folder_.Read("container/attempt/log"),
            "Running the action...\nbusker-runner " BUSKER_VERSION "\nWell done.\n");
  EXPECT_TRUE(fs::exists(root / "store" / *order_.output / "manifest.json"));
}
#endif

TEST(RunnerProgram, SaysHowItIsUsed) {
  EXPECT_EQ(WEXITSTATUS(std::system(BUSKER_RUNNER_PATH " 2> /dev/null")), 2);
  EXPECT_EQ(WEXITSTATUS(std::system(BUSKER_RUNNER_PATH " --help 2> /dev/null")), 2);
  EXPECT_EQ(WEXITSTATUS(std::system(BUSKER_RUNNER_PATH " --version > /dev/null")), 0);
  EXPECT_EQ(WEXITSTATUS(std::system(BUSKER_RUNNER_PATH " /nowhere 2> /dev/null")), 78);
}

}  // namespace
}  // namespace busker::runner
