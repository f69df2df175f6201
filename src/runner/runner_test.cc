// What the real busker-runner makes of a command: the plain cases, and what bad input gets.
#include "runner/runner.h"

#include <sys/stat.h>

#include "attempt/exit_record.h"
#include "attempt/folder.h"
#include "attempt/order.h"
#include "base/text.h"
#include "io/digest.h"
#include "io/test_disk.h"
#include "runner/attempt_fixture.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;
using Strings = std::vector<std::string>;

class Attempt : public AttemptTest {
 protected:
  // Of output that was not saved: where it is, below the home.
  const std::string left_ =
      "; what the program left is in " +
      (folder_.path().parent_path().filename() / folder_.path().filename() / "attempt/work/output")
          .string();
};

TEST_F(Attempt, ThatSucceedsPublishesItsOutputAndLeavesARecord) {
  order_.command = {"sh", "-c", "cat \"$1\" source/data.txt > output/model; echo trained", "sh",
                    "configs/training.json"};
  const attempt::ExitRecord record = Run();
  EXPECT_EQ(record.ending, attempt::Ending::kSucceeded) << record.message;
  EXPECT_EQ(record.message, "");
  EXPECT_EQ(record.run, order_.run);
  EXPECT_EQ(record.task, "training");
  EXPECT_EQ(record.number, 1);
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_EQ(record.signal, 0);
  EXPECT_EQ(record.output, order_.output);
  EXPECT_EQ(record.output_files, 1U);
  EXPECT_EQ(record.log_bytes, 8U);
  EXPECT_GT(record.memory_peak_bytes, 100'000U);
  EXPECT_LE(record.started_at, record.command_started_at);
  EXPECT_LE(record.command_started_at, record.command_ended_at);
  EXPECT_LE(record.command_ended_at, record.ended_at);
  EXPECT_EQ(Log(), "Running the action...\ntrained\nWell done.\n");

  const auto versions = Versions();
  ASSERT_EQ(versions.size(), 1U);
  const artifact::Manifest& manifest = versions[0];
  EXPECT_EQ(folder_.Read("store/" + *order_.output + "/model"), "{\"name\": \"churn\"}42\n");
  EXPECT_EQ(record.output_bytes, manifest.files.at("model").size_bytes);
  EXPECT_EQ(manifest.config_sha256, io::Sha256Of("{\"name\": \"churn\"}"));
  EXPECT_EQ(manifest.run, order_.run);
  EXPECT_EQ(manifest.attempt, 1);
  EXPECT_EQ(manifest.command, order_.command);
  EXPECT_EQ(manifest.data_date, "2019-08-01");
  EXPECT_EQ(manifest.runner_version, BUSKER_VERSION);
  EXPECT_FALSE(fs::exists(attempt_ / "work"));
  EXPECT_FALSE(fs::exists(attempt_ / ".tmp-exit"));
}

TEST_F(Attempt, WithoutOutputSavesNothing) {
  order_.root = order_.config = "";
  order_.output.reset();
  order_.required_outputs.clear();
  const attempt::ExitRecord record = Run("pwd; ls -A");
  EXPECT_EQ(record.ending, attempt::Ending::kSucceeded) << record.message;
  EXPECT_EQ(record.output, std::nullopt);
  EXPECT_EQ(Log(), "Running the action...\n" + PathOf("attempt/work") + "\nWell done.\n");
  EXPECT_FALSE(fs::exists(folder_ / "store"));
}

TEST_F(Attempt, LoadsItsInputFirstAndSavesOnlyWhatIsNew) {
  EXPECT_EQ(Run("echo trees > output/model; echo '{\"auc\": 0.7}' > output/metrics.json").ending,
            attempt::Ending::kSucceeded);
  fs::remove_all(attempt_);
  fs::create_directory(attempt_);
  order_.task = "application";
  order_.input = order_.output;
  order_.output = "churn/1/application/20190802T000000Z";
  order_.required_outputs = {"predictions.csv"};
  const attempt::ExitRecord record = Run("wc -c < output/model > output/predictions.csv");
  EXPECT_EQ(record.ending, attempt::Ending::kSucceeded) << record.message;
  const auto versions = Versions();
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[1].input, order_.input);
  EXPECT_EQ(versions[1].files.size(), 1U);
  EXPECT_EQ(folder_.Read("store/" + *order_.output + "/predictions.csv"), "6\n");
}

TEST_F(Attempt, ExitCodesAreTold) {
  const attempt::ExitRecord record = Run("echo oops; exit 3");
  EXPECT_EQ(record.ending, attempt::Ending::kExited);
  EXPECT_EQ(record.exit_code, 3);
  EXPECT_EQ(record.message, "the command ended with exit code 3; last output: oops");
  EXPECT_EQ(Log(), "Running the action...\noops\nthe command ended with exit code 3\n");
  EXPECT_TRUE(Versions().empty());
  EXPECT_TRUE(fs::exists(attempt_ / "work/output"));  // for a person to look at
}

TEST_F(Attempt, TheSignalThatEndedItIsTold) {
  const attempt::ExitRecord record = Run("kill -SEGV $$");
  EXPECT_EQ(record.ending, attempt::Ending::kSignalled);
  EXPECT_EQ(record.signal, SIGSEGV);
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_EQ(record.message, "the command was ended by signal 11 (Segmentation fault)");
  EXPECT_FALSE(fs::exists(attempt_ / "work/core"));
}

TEST_F(Attempt, AnExitCodeThatMeansASignalIsExplained) {
  EXPECT_EQ(
      Run("sh -c 'kill -SEGV $$' 2> /dev/null; exit 139").message,
      "the command ended with exit code 139, a shell's word for signal 11 (Segmentation fault)");
}

TEST_F(Attempt, OutputKeepsItsOrderAcrossBothStreams) {
  Run("echo 1; echo 2 >&2; echo 3; echo 4 >&2; printf 5; exit 1");
  EXPECT_TRUE(Log().starts_with("Running the action...\n1\n2\n3\n4\n5\nthe command ended"))
      << Log();
}

TEST_F(Attempt, EachStreamKeepsItsOrderInALongExchange) {
  std::string output, errors;
  for (int i = 1; i <= 3000; ++i) {
    output += "a" + std::to_string(i) + "\n";
    errors += "b" + std::to_string(i) + "\n";
  }
  Run("i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo a$i; echo b$i >&2; done; exit 1");
  std::string a, b;
  for (const std::string& line : Split(Log(), '\n')) {
    if (line.starts_with("a")) a += line + "\n";
    if (line.starts_with("b")) b += line + "\n";
  }
  EXPECT_EQ(a, output);
  EXPECT_EQ(b, errors);
}

TEST_F(Attempt, OutputIsWholeHoweverItIsWritten) {
  // In writes longer than a page, by programs at the same time, and to the streams opened anew.
  const attempt::ExitRecord record =
      Run("head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero & "
          "for i in 1 2 3 4 5 6 7 8 9; do head -c 50000 /dev/zero > /dev/stdout; "
          "head -c 50000 /dev/zero > /dev/stderr; echo; done; wait; echo x > output/model");
  EXPECT_EQ(record.ending, attempt::Ending::kSucceeded) << record.message;
  EXPECT_EQ(record.log_bytes, 6'900'009U);
  EXPECT_EQ(record.log_bytes_cut, 0U);
}

// What a program had buffered comes behind its error, and was told as the reason.
TEST_F(Attempt, TheReasonIsTheLastLineOfTheErrors) {
  EXPECT_EQ(Run("echo loading; echo 'no such column: tenure' >&2; echo bye; exit 3").message,
            "the command ended with exit code 3; last output: no such column: tenure");
  EXPECT_EQ(Log(),
            "Running the action...\nloading\nno such column: tenure\nbye\n"
            "the command ended with exit code 3\n");
}

TEST_F(Attempt, TheReasonIsTheErrorOfATracebackWhole) {
  EXPECT_EQ(Run("printf 'Traceback (most recent call last):\\n  File \"m.py\"\\nValueError: "
                "bad\\nthing\\n'"
                " >&2; echo loading; exit 1")
                .message,
            "the command ended with exit code 1; last output: ValueError: bad\nthing");
}

// What one of Busker's own steps said stood in the log twice, and in the reason behind a preamble,
// and what it had refused was tried again.
TEST_F(Attempt, OfAStepOfBuskersSaysWhatTheStepSaid) {
  order_.repeatable = true;
  attempt::ExitRecord record =
      Run("echo 'busker: predictions.csv: it has no column \"label\"' >&2; exit 2");
  EXPECT_EQ(record.message, "predictions.csv: it has no column \"label\"");
  EXPECT_EQ(record.exit_code, 2);
  EXPECT_EQ(Log(), "Running the action...\nbusker: predictions.csv: it has no column \"label\"\n");
  EXPECT_TRUE(record.permanent);
  const std::pair<int, bool> kCodes[] = {{1, false}, {3, true}, {75, false}, {78, false}};
  for (const auto& [code, permanent] : kCodes) {
    fs::remove_all(attempt_);
    fs::create_directory(attempt_);
    record = Run("echo 'busker: the table is locked' >&2; exit " + std::to_string(code));
    EXPECT_EQ(record.permanent, permanent) << code;
    EXPECT_EQ(record.message, "the table is locked");
  }
}

// The same of a program: its exit codes mean what it likes.
TEST_F(Attempt, OfAProgramMayAlwaysGoBetterTheNextTime) {
  EXPECT_FALSE(Run("echo 'busker: no' >&2; exit 2").permanent);
}

// Hours of work seemed to be lost: nobody said where they are.
TEST_F(Attempt, WhoseOutputWasNotSavedSaysWhereItIs) {
  const attempt::ExitRecord record =
      Run("echo '{\"auc\": NaN}' > output/metrics.json; echo 1 > output/model");
  EXPECT_EQ(record.ending, attempt::Ending::kNotSaved);
  EXPECT_NE(record.message.find("metrics.json:1:9: \"auc\" is NaN, which is not a number; what the "
                                "program left is in "),
            std::string::npos)
      << record.message;
  EXPECT_TRUE(record.message.ends_with("/attempt/work/output")) << record.message;
  EXPECT_TRUE(fs::exists(attempt_ / "work/output/model"));
}

// On a Debian without the package that adds "python" the command by convention was not found.
TEST_F(Attempt, FindsPython3WherePythonIsNot) {
  const fs::path python3 = folder_.Write("bin/python3", "#!/bin/sh\necho 3 > output/model\n");
  ASSERT_EQ(chmod(python3.c_str(), 0755), 0);
  order_.environment = {"PATH=" + python3.parent_path().string()};
  order_.command = {"python", "-m", "prediction.main"};
  EXPECT_EQ(Run().ending, attempt::Ending::kSucceeded) << Log();
  fs::remove(python3);
  fs::remove_all(attempt_);
  fs::create_directory(attempt_);
  order_.output = "churn/1/training/20190802T000000Z";
  folder_.Write("service/requirements.txt", "joblib\n");
  EXPECT_EQ(Run().message,
            "there is no program python along PATH; in the service's folder, busker build "
            "--target local makes what it needs");
}

TEST_F(Attempt, AFloodOfOutputIsCappedAndCounted) {
  order_.log_head_bytes_max = 10'000;
  order_.log_tail_bytes_max = 10'000;
  const attempt::ExitRecord record =
      Run("yes | head -c 30000000; echo done; echo x > output/model");
  EXPECT_EQ(record.ending, attempt::Ending::kSucceeded) << record.message;
  EXPECT_EQ(record.log_bytes, 30'000'005U);
  EXPECT_GT(record.log_bytes_cut, 29'000'000U);
  std::uint64_t stored = 0;
  for (const auto& entry : fs::directory_iterator(attempt_)) {
    if (entry.path().filename().string().starts_with("log")) stored += entry.file_size();
  }
  EXPECT_LE(stored, 20'000U);
  const std::string log = Log();
  EXPECT_TRUE(log.starts_with("Running the action...\ny\n"));
  EXPECT_TRUE(log.ends_with("y\ndone\nWell done.\n"));
  EXPECT_NE(log.find("[... " + WithThousands(static_cast<long long>(record.log_bytes_cut)) +
                     " bytes cut ...]\n"),
            std::string::npos);
}

TEST_F(Attempt, TheLogIsThereWhileTheCommandRuns) {
  Command("echo first; while [ ! -e " + PathOf("go") +
          " ]; do sleep 0.01; done; echo x > output/model");
  const pid_t runner = StartRunner();
  EXPECT_TRUE(Soon([&] { return Log() == "Running the action...\nfirst\n"; }));
  EXPECT_EQ(runner, attempt::HolderIn(folder_.Read("attempt/lock")));
  EXPECT_FALSE(HasExit());
  folder_.Write("go", "");
  EXPECT_EQ(WaitFor(runner), 0);
}

// --- what bad input gets

TEST_F(Attempt, AMissingProgramIsSaid) {
  order_.command = {"no-such-program"};
  EXPECT_EQ(Run().message, "there is no program no-such-program along PATH");
  EXPECT_EQ(Exit().ending, attempt::Ending::kNotStarted);
  EXPECT_EQ(Exit().command_started_at, Instant{});
  EXPECT_EQ(Log(), "Running the action...\nthere is no program no-such-program along PATH\n");
  EXPECT_FALSE(WasStarted());
}

TEST_F(Attempt, AProgramOfTheServiceIsFoundRelativeToIt) {
  folder_.Write("service/build/prediction", "#!/bin/sh\necho x > output/model\n");
  order_.command = {"build/prediction"};
  EXPECT_EQ(Run().message, "the program build/prediction is not executable (chmod +x)");
  EXPECT_EQ(Exit().ending, attempt::Ending::kNotStarted);
  chmod((folder_ / "service/build/prediction").c_str(), 0755);
  fs::remove(attempt_ / attempt::kExitFile);
  EXPECT_EQ(Run().ending, attempt::Ending::kSucceeded) << Exit().message;
}

TEST_F(Attempt, AProgramThatCannotRunHereSaysWhy) {
  const auto fault = [&](const std::string& text) {
    folder_.Write("service/program", text);
    chmod((folder_ / "service/program").c_str(), 0755);
    fs::remove_all(attempt_);
    fs::create_directory(attempt_);
    order_.command = {"./program"};
    const attempt::ExitRecord record = Run();
    EXPECT_EQ(record.ending, attempt::Ending::kNotStarted);
    return record.message;
  };
  EXPECT_EQ(fault("echo hello\n"),
            "the program ./program is neither a binary for this machine nor a script that begins "
            "with #!");
  EXPECT_EQ(fault("#!/opt/venv/bin/python -u\n"),
            "the program ./program is there, but the interpreter that its first line names is not: "
            "/opt/venv/bin/python -u");
  EXPECT_EQ(fault(""),
            "the program ./program is neither a binary for this machine nor a script "
            "that begins with #!");
}

TEST_F(Attempt, AConfigThatIsNoJsonIsSaidWithItsPlace) {
  folder_.Write("service/configs/training.json", "{\n  \"rows\": 1,\n      }\n");
  const attempt::ExitRecord record = Run("touch " + PathOf("ran"));
  EXPECT_EQ(record.ending, attempt::Ending::kNotStarted);
  EXPECT_EQ(record.message, "configs/training.json:3:7: unexpected '}'; expected string literal");
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
}

TEST_F(Attempt, AConfigWithAnUnknownPlaceholderIsSaidWithItsPlace) {
  folder_.Write("service/configs/training.json", "{\n  \"rows\": \"${ROWS}\"\n}\n");
  EXPECT_EQ(Run("true").message,
            "configs/training.json:2:12: unknown placeholder ${ROWS}; there are ${NAME}");
}

TEST_F(Attempt, AnOutputFolderThatWasRemovedIsNotSaved) {
  const attempt::ExitRecord record = Run("rm -r output");
  EXPECT_EQ(record.ending, attempt::Ending::kNotSaved);
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_EQ(record.message,
            "the output was not saved: the folder output/ is gone; the command removed it");
  EXPECT_TRUE(Versions().empty());
}

TEST_F(Attempt, AMissingOutputIsNamedWithWhatIsThere) {
  EXPECT_EQ(Run("echo x > output/model.ubj").message,
            "the output was not saved: the command left no output/model; output/ holds model.ubj" +
                left_);
  EXPECT_EQ(Exit().ending, attempt::Ending::kNotSaved);
  EXPECT_TRUE(Versions().empty());
}

TEST_F(Attempt, EmptyPredictionsAreNotSaved) {
  order_.required_outputs = {"predictions.csv"};
  EXPECT_EQ(Run(": > output/predictions.csv").message,
            "the output was not saved: output/predictions.csv is empty (0 bytes)" + left_);
  EXPECT_EQ(Exit().ending, attempt::Ending::kNotSaved);
  EXPECT_TRUE(Versions().empty());
}

// Predictions that had come with the input passed for new ones.
TEST_F(Attempt, AnOutputThatCameWithTheInputMustBeWrittenAnew) {
  ASSERT_EQ(Run("echo old > output/model").ending, attempt::Ending::kSucceeded);
  order_.input = order_.output;
  for (const auto& [script, ending] :
       {std::pair("true", attempt::Ending::kNotSaved),
        std::pair("echo old > output/model", attempt::Ending::kSucceeded)}) {
    fs::remove_all(attempt_);
    fs::create_directory(attempt_);
    order_.output = "churn/1/training/20190802T000000Z";
    EXPECT_EQ(Run(script).ending, ending) << Exit().message;
  }
  EXPECT_EQ(Versions().back().files.size(), 1U);  // although it is the same as in the input
}

TEST_F(Attempt, MetricsThatAreNoNumbersAreNotSaved) {
  EXPECT_EQ(Run("echo x > output/model; echo '{\"auc\": \"high\"}' > output/metrics.json").message,
            "the output was not saved: metrics.json: \"auc\" is string, not a number" + left_);
  EXPECT_EQ(Exit().ending, attempt::Ending::kNotSaved);
  EXPECT_TRUE(Versions().empty());
}

TEST_F(Attempt, AnOutputThatLeadsElsewhereIsNotSaved) {
  EXPECT_EQ(Run("echo x > output/model; ln -s /etc/passwd output/users").ending,
            attempt::Ending::kNotSaved);
  EXPECT_NE(Exit().message.find("users"), std::string::npos);
  EXPECT_TRUE(Versions().empty());
}

// A link in the place of output/ was followed: a folder anywhere was saved as the version.
TEST_F(Attempt, AnOutputFolderThatBecameALinkIsNotFollowed) {
  folder_.Write("elsewhere/output/model", "stolen");
  const std::string elsewhere = PathOf("elsewhere");
  for (const std::string& script : Strings{
           "rm -rf output; ln -s " + elsewhere + "/output output",
           "mkdir kept; echo x > kept/model; rm -rf output; ln -s kept output",
           "rm -rf output; echo x > output", "mv \"$PWD\" ../w; ln -s " + elsewhere + " \"$PWD\"",
           "mv \"$PWD\" ../w; mkdir -p \"$PWD/output\"; echo x > \"$PWD/output/model\""}) {
    fs::remove_all(attempt_);
    fs::create_directory(attempt_);
    const attempt::ExitRecord record = Run(script);
    EXPECT_EQ(record.ending, attempt::Ending::kNotSaved) << script << ": " << record.message;
    EXPECT_TRUE(Versions().empty()) << script;
    EXPECT_EQ(folder_.Read("elsewhere/output/model"), "stolen");
  }
  fs::remove_all(attempt_);
  fs::create_directory(attempt_);
  EXPECT_EQ(Run("rm -rf output; mkdir output; echo x > output/model").ending,
            attempt::Ending::kSucceeded);
}

// A program that the training had put into output/ was none any more for the application.
TEST_F(Attempt, FindsTheProgramsLinksAndFoldersOfItsInput) {
  ASSERT_EQ(Run("mkdir -p output/run-1 output/cache/tmp; echo x > output/model; "
                "printf '#!/bin/sh\necho 0.5\n' > output/run-1/predict; "
                "chmod 4755 output/run-1/predict; ln -s run-1 output/latest")
                .ending,
            attempt::Ending::kSucceeded)
      << Exit().message;
  order_.input = order_.output;
  order_.output = "churn/1/application/20190802T000000Z";
  order_.required_outputs = {"predictions.csv"};
  fs::remove_all(attempt_);
  fs::create_directory(attempt_);
  const attempt::ExitRecord record =
      Run("test ! -u output/run-1/predict && test ! -x output/model && rmdir output/cache/tmp && "
          "output/latest/predict > output/predictions.csv");
  EXPECT_EQ(record.ending, attempt::Ending::kSucceeded) << record.message;
  EXPECT_EQ(folder_.Read("store/" + *order_.output + "/predictions.csv"), "0.5\n");
  EXPECT_EQ(Versions().back().files.size(), 1U);
}

TEST_F(Attempt, ACorruptedInputIsRefusedByItsDigest) {
  ASSERT_EQ(Run("echo trees > output/model").ending, attempt::Ending::kSucceeded);
  folder_.Write("store/" + *order_.output + "/model", "treez\n");
  fs::remove_all(attempt_);
  fs::create_directory(attempt_);
  order_.input = order_.output;
  order_.output = "churn/1/application/20190802T000000Z";
  const attempt::ExitRecord record = Run("touch " + PathOf("ran"));
  EXPECT_EQ(record.ending, attempt::Ending::kNotStarted);
  EXPECT_NE(record.message.find("model is not what was saved"), std::string::npos)
      << record.message;
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
}

TEST_F(Attempt, AnInputThatDoesNotExistIsSaid) {
  order_.input = "churn/1/training/20180801T000000Z";
  EXPECT_EQ(Run("true").message, "load the input: no version churn/1/training/20180801T000000Z");
  EXPECT_EQ(Exit().ending, attempt::Ending::kNotStarted);
}

TEST_F(Attempt, AVersionThatExistsIsNotComputedAgain) {
  ASSERT_EQ(Run("echo x > output/model").ending, attempt::Ending::kSucceeded);
  fs::remove_all(attempt_);
  fs::create_directory(attempt_);
  order_.number = 2;
  EXPECT_EQ(Run("touch " + PathOf("ran")).message,
            "version churn/1/training/20190801T000000Z exists already, saved by run "
            "20190801-000000-abc123, task training, attempt 1");
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
}

TEST_F(Attempt, AReadOnlyArtifactFolderIsSaid) {
  fs::create_directory(folder_ / "store");
  const io::ReadOnlyFolder read_only(folder_ / "store");
  const attempt::ExitRecord record = Run("echo x > output/model");
  EXPECT_EQ(record.ending, attempt::Ending::kNotSaved);
  EXPECT_NE(record.message.find(PathOf("store")), std::string::npos) << record.message;
  EXPECT_NE(record.message.find(geteuid() == 0 ? "Read-only" : "denied"), std::string::npos);
}

TEST_F(Attempt, ADiskThatIsFullWhileSavingIsSaidAndNoVersionIsSeen) {
  fs::create_directory(folder_ / "store");
  const io::SmallDisk disk(folder_ / "store", "1m");
  // Without the rights for a small disk, the runner is forbidden large files once it runs.
  const std::string limit = disk.mounted() ? "" : "; prlimit --pid $PPID --fsize=1000000";
  const attempt::ExitRecord record =
      Run("echo a > output/a; head -c 3000000 /dev/zero > output/model" + limit);
  EXPECT_EQ(record.ending, attempt::Ending::kNotSaved);
  EXPECT_NE(record.message.find(disk.mounted() ? "No space left" : "File too large"),
            std::string::npos)
      << record.message;
  EXPECT_TRUE(Versions().empty());
  EXPECT_TRUE(fs::exists(attempt_ / "work/output/model"));  // the work is not lost
}

TEST_F(Attempt, AFileThatIsTooLargeToSaveDoesNotEndTheRunner) {
  const attempt::ExitRecord record =
      Run("head -c 3000000 /dev/zero > output/model; prlimit --pid $PPID --fsize=1000000");
  EXPECT_EQ(record.ending, attempt::Ending::kNotSaved);
  EXPECT_NE(record.message.find("File too large"), std::string::npos) << record.message;
}

// The record, the lock and the log are on the disk that the command fills.
TEST_F(Attempt, AFullDiskIsStillReported) {
  const io::SmallDisk disk(attempt_, "1m");
  const attempt::ExitRecord record =
      Run("head -c 5000000 /dev/zero > fill; echo much; echo more >&2; exit 4");
  EXPECT_EQ(record.ending, attempt::Ending::kExited);
  EXPECT_EQ(record.exit_code, 4);
}

TEST_F(Attempt, ADiskThatIsFullFromTheBeginningIsTemporary) {
  const io::SmallDisk disk(attempt_, "64k");
  if (!disk.mounted()) return;
  Command("touch " + PathOf("ran"));
  EXPECT_EQ(WaitFor(StartRunner()), 75);
  EXPECT_NE(Errors().find("No space left"), std::string::npos) << Errors();
  EXPECT_FALSE(fs::exists(folder_ / "ran"));
}

// --- one runner, once

TEST_F(Attempt, HasOneRunnerAtATime) {
  Command("echo x >> " + PathOf("witness") + "; while [ ! -e " + PathOf("go") +
          " ]; do sleep 0.01; done; echo x > output/model");
  const pid_t first = StartRunner();
  ASSERT_TRUE(SoonThere("witness"));
  EXPECT_EQ(WaitFor(StartRunner()), 75);
  EXPECT_EQ(Errors(), "busker-runner: " + attempt_.string() +
                          ": this attempt has a runner already, process " + std::to_string(first) +
                          "\n");
  folder_.Write("go", "");
  EXPECT_EQ(WaitFor(first), 0);
  EXPECT_EQ(Exit().ending, attempt::Ending::kSucceeded) << Exit().message;
  EXPECT_EQ(folder_.Read("witness"), "x\n");
}

TEST_F(Attempt, ThatHasEndedIsNotRunAgain) {
  Command("echo x >> " + PathOf("witness") + "; echo x > output/model");
  Run();
  const std::string record = folder_.Read("attempt/exit.json");
  EXPECT_EQ(WaitFor(StartRunner()), 78);
  EXPECT_EQ(folder_.Read("attempt/exit.json"), record);
  EXPECT_EQ(folder_.Read("witness"), "x\n");
}

TEST_F(Attempt, WithoutAReadableOrderIsRefused) {
  const auto code = [&](const std::string& order) {
    folder_.Write("attempt/attempt.json", order);
    const pid_t pid = fork();
    if (pid == 0) {
      ::close(2);
      execl(BUSKER_RUNNER_PATH, "busker-runner", attempt_.c_str(), nullptr);
    }
    return WaitFor(pid);
  };
  EXPECT_EQ(code("{"), 78);
  EXPECT_EQ(code("{}"), 78);
  fs::remove(attempt_ / "attempt.json");
  EXPECT_FALSE(HasExit());
}

}  // namespace
}  // namespace busker::runner
