#include "io/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "io/test_disk.h"
#include "io/test_folder.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

Strings NamesIn(const fs::path& folder) {
  Strings names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// Runs `body` in a child process; true when it returned true. For what changes a whole process.
template <typename Body>
bool InAnotherProcess(Body&& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A pipe that somebody put in a file's place was waited for, for ever.
TEST(ReadFile, RefusesAPipeAndDoesNotWaitForIt) {
  const TestFolder folder;
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(pipe).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(ReadFile("/dev/null").error().kind, ErrorKind::kInvalid);
  for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR}) {
    const auto opened = Open(pipe, flags);
    ASSERT_FALSE(opened) << flags;
    EXPECT_EQ(opened.error().kind, ErrorKind::kInvalid) << flags;
  }
  EXPECT_TRUE(Open("/dev/null", O_RDONLY));
}

TEST(WriteFileUnsynced, ReplacesTheWholeFileAndLeavesNothingElse) {
  const TestFolder folder;
  ASSERT_TRUE(WriteFileUnsynced(folder / "a", "a long text"));
  ASSERT_TRUE(WriteFileUnsynced(folder / "a", "short"));
  EXPECT_EQ(ReadFile(folder / "a").value(), "short");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
  EXPECT_FALSE(WriteFileUnsynced(folder / "none" / "a", "x"));
}

TEST(File, WhatIsWrittenIsReadBack) {
  const TestFolder folder;
  const std::string text = std::string("a\0b\n", 4) + std::string(300'000, 'x');
  ASSERT_TRUE(WriteFileAtomically(folder / "file", text));
  EXPECT_EQ(ReadFile(folder / "file").value(), text);
  ASSERT_TRUE(WriteFileAtomically(folder / "file", "new"));
  EXPECT_EQ(ReadFile(folder / "file").value(), "new");
  EXPECT_EQ(NamesIn(folder.path()), Strings{"file"});  // no temporary is left
}

TEST(File, ModesAreAsAskedFor) {
  const TestFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder / "secret", "x", 0600));
  EXPECT_EQ(fs::status(folder / "secret").permissions(), fs::perms(0600));
}

TEST(File, ReadingNamesWhatIsWrong) {
  const TestFolder folder;
  const auto missing = ReadFile(folder / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.error().message.find((folder / "none").string()), std::string::npos);
  const auto a_folder = ReadFile(folder.path());
  ASSERT_FALSE(a_folder);
  EXPECT_EQ(a_folder.error().kind, ErrorKind::kInvalid);
}

TEST(File, ReadingStopsAtTheLimit) {
  const TestFolder folder;
  folder.Write("file", std::string(1000, 'x'));
  EXPECT_TRUE(ReadFile(folder / "file", 1000));
  EXPECT_EQ(ReadFile(folder / "file", 999).error().kind, ErrorKind::kInvalid);
}

TEST(File, CreatingLeavesWhatIsThereAlone) {
  const TestFolder folder;
  EXPECT_TRUE(CreateFileAtomically(folder / "file", "first").value());
  EXPECT_FALSE(CreateFileAtomically(folder / "file", "second").value());
  EXPECT_EQ(folder.Read("file"), "first");
  EXPECT_EQ(NamesIn(folder.path()), Strings{"file"});
}

TEST(File, OfManyWhoCreateExactlyOneSucceeds) {
  const TestFolder folder;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> created = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto done = CreateFileAtomically(folder / std::to_string(round), std::to_string(i));
        if (done && *done) ++created;
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(created, 1);
  }
}

TEST(File, AReaderSeesTheOldOrTheNewText) {
  const TestFolder folder;
  const std::string texts[] = {std::string(100'000, 'a'), std::string(100'000, 'b')};
  ASSERT_TRUE(WriteFileAtomically(folder / "file", texts[0]));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; i <= 100; ++i) EXPECT_TRUE(WriteFileAtomically(folder / "file", texts[i % 2]));
    done = true;
  });
  while (!done) {
    const auto text = ReadFile(folder / "file");
    if (!text || (*text != texts[0] && *text != texts[1])) ADD_FAILURE() << "a half text was seen";
  }
  writer.join();
}

// A file whose name was longer than 233 bytes could not be written: its temporary's name was its
// own with more around it, past the 255 that a name may have.
TEST(File, ANameOfAnyAllowedLengthCanBeWritten) {
  const TestFolder folder;
  const std::string longest(255, 'n');
  EXPECT_TRUE(WriteFileAtomically(folder / longest, "x"));
  EXPECT_EQ(folder.Read(longest), "x");
  EXPECT_TRUE(CreateFileAtomically(folder / std::string(254, 'm'), "x").value());
}

TEST(File, WritingWithoutTheFolderIsAnErrorThatNamesThePath) {
  const TestFolder folder;
  const auto written = WriteFileAtomically(folder / "none/file", "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("/none"), std::string::npos);
}

TEST(File, AFileThatCannotBeWrittenWholeLeavesTheOldOneAndNoTemporary) {
  const TestFolder folder;
  folder.Write("file", "old");
  EXPECT_TRUE(InAnotherProcess([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto written = WriteFileAtomically(folder / "file", std::string(5000, 'x'));
    return !written && written.error().message.find("file") != std::string::npos;
  }));
  EXPECT_EQ(folder.Read("file"), "old");
  EXPECT_EQ(NamesIn(folder.path()), Strings{"file"});
}

TEST(File, AFullDiskIsTemporaryAndLeavesTheOldFile) {
  const TestFolder folder;
  const SmallDisk disk(folder.path(), "1m");
  if (!disk.mounted()) return;  // the limit above needs no rights
  folder.Write("file", "old");
  const auto written = WriteFileAtomically(folder / "file", std::string(2 << 20, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(folder.Read("file"), "old");
  EXPECT_EQ(NamesIn(folder.path()), Strings{"file"});
}

TEST(File, AReadOnlyFolderIsAnErrorThatNamesThePath) {
  const TestFolder folder;
  const ReadOnlyFolder read_only(folder.path());
  for (const auto& result :
       {WriteFileAtomically(folder / "file", "x"), MakeFolders(folder / "a/b")}) {
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(folder.path().string()), std::string::npos);
  }
  EXPECT_TRUE(MakeFolders(folder.path()));  // it is there
}

TEST(File, FoldersAreMadeWithTheirParents) {
  const TestFolder folder;
  EXPECT_TRUE(MakeFolders(folder / "a/b/c"));
  EXPECT_TRUE(MakeFolders(folder / "a/b/c"));
  EXPECT_TRUE(MakeFolders(folder / "a/b/d/"));
  EXPECT_TRUE(fs::is_directory(folder / "a/b/d"));
  EXPECT_TRUE(MakeFolders("/"));
}

TEST(File, AFolderWhoseNameAFileHasIsAnError) {
  const TestFolder folder;
  folder.Write("a", "x");
  EXPECT_FALSE(MakeFolders(folder / "a"));
  EXPECT_FALSE(MakeFolders(folder / "a/b"));
}

TEST(File, FoldersMadeByManyAtOnceAreAllThere) {
  const TestFolder folder;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back(
          [&] { EXPECT_TRUE(MakeFolders(folder / std::to_string(round) / "a/b")); });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(File, RemovingATreeTakesLinksAwayAndNotWhatTheyLeadTo) {
  const TestFolder folder;
  folder.Write("kept/file", "x");
  folder.Write("tree/a/b", "x");
  fs::create_symlink(folder / "kept", folder / "tree/link");
  EXPECT_TRUE(RemoveTree(folder / "tree"));
  EXPECT_TRUE(RemoveTree(folder / "tree"));  // nothing there is fine
  EXPECT_EQ(NamesIn(folder.path()), Strings{"kept"});
  EXPECT_EQ(folder.Read("kept/file"), "x");
}

// A clone of a repository, a cache of modules: what may not be written to could not be removed by
// anybody but root.
TEST(File, ATreeIsRemovedWithFoldersThatNobodyMayWriteTo) {
  const TestFolder folder;
  folder.Write("tree/mod/x@v1/f", "x");
  folder.Write("tree/closed/f", "x");
  folder.Write("kept/f", "x");
  fs::create_symlink(folder / "kept", folder / "tree/mod/link");
  for (const auto& [name, mode] : {std::pair("tree/mod/x@v1", 0555),
                                   {"tree/mod", 0555},
                                   {"tree/closed", 0},
                                   {"tree", 0500},
                                   {"kept", 0555}}) {
    ASSERT_EQ(chmod((folder / name).c_str(), static_cast<mode_t>(mode)), 0);
  }
  EXPECT_TRUE(InAnotherProcess([&] {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0) {  // who may write anywhere
      for (const char* name : {"", "tree", "tree/mod", "tree/mod/x@v1", "tree/closed", "kept"}) {
        if (chown((folder / name).c_str(), kNobody, kNobody) != 0) return false;
      }
      if (setresuid(kNobody, kNobody, kNobody) != 0) return false;
    }
    return RemoveTree(folder / "tree").has_value();
  }));
  EXPECT_EQ(NamesIn(folder.path()), Strings{"kept"});
  EXPECT_EQ(fs::status(folder / "kept").permissions(), fs::perms(0555));
  EXPECT_EQ(folder.Read("kept/f"), "x");
}

TEST(File, ListNamesTheFilesBelowAFolderInOrder) {
  const TestFolder folder;
  for (const char* name : {"b", "a/z", "a/b/c", "a.txt", ".hidden"}) folder.Write(name, "x");
  fs::create_directories(folder / "empty/folder");
  EXPECT_EQ(ListFiles(folder.path()).value(), (Strings{".hidden", "a.txt", "a/b/c", "a/z", "b"}));
}

TEST(File, ListTakesALinkToAFileInsideForAFile) {
  const TestFolder folder;
  folder.Write("in/model-2", "x");
  fs::create_symlink("model-2", folder / "in/latest");
  EXPECT_EQ(ListFiles(folder / "in").value(), (Strings{"latest", "model-2"}));
}

TEST(File, ListRefusesWhatIsNoFileAndNamesIt) {
  const auto refuses = [](const auto& make) {
    const TestFolder folder;
    folder.Write("secret", "x");
    folder.Write("in/file", "x");
    fs::create_directory(folder / "in/folder");
    fs::create_directory(folder / "in-side");
    folder.Write("in-side/file", "x");
    make(folder);
    const auto files = ListFiles(folder / "in");
    return !files && files.error().kind == ErrorKind::kInvalid &&
           files.error().message.find("odd") != std::string::npos;
  };
  EXPECT_TRUE(refuses([](const TestFolder& f) { fs::create_symlink("../secret", f / "in/odd"); }));
  EXPECT_TRUE(
      refuses([](const TestFolder& f) { fs::create_symlink("/etc/passwd", f / "in/odd"); }));
  EXPECT_TRUE(refuses([](const TestFolder& f) { fs::create_symlink("nowhere", f / "in/odd"); }));
  EXPECT_TRUE(refuses([](const TestFolder& f) { fs::create_symlink("odd", f / "in/odd"); }));
  EXPECT_TRUE(refuses([](const TestFolder& f) { fs::create_symlink("folder", f / "in/odd"); }));
  EXPECT_TRUE(
      refuses([](const TestFolder& f) { fs::create_symlink("../in-side/file", f / "in/odd"); }));
  EXPECT_TRUE(refuses([](const TestFolder& f) { mkfifo((f / "in/odd").c_str(), 0600); }));
}

TEST(File, ListOfNoFolderIsNotFound) {
  const TestFolder folder;
  EXPECT_EQ(ListFiles(folder / "none").error().kind, ErrorKind::kNotFound);
}

TEST(File, TemporaryPathsDiffer) {
  EXPECT_NE(TemporaryPath("/a", "b"), TemporaryPath("/a", "b"));
  EXPECT_TRUE(TemporaryPath("/a", "b").filename().string().starts_with(".tmp-b-"));
}

TEST(FileLock, ExcludesASecondHolderUntilItIsGivenBack) {
  const TestFolder folder;
  auto first = FileLock::TryTake(folder / "lock");
  ASSERT_TRUE(first && *first);
  EXPECT_FALSE(FileLock::TryTake(folder / "lock").value());
  first->reset();
  EXPECT_TRUE(FileLock::TryTake(folder / "lock").value());
}

TEST(FileLock, IsGivenBackByTheDeathOfItsHolder) {
  const TestFolder folder;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const auto lock = FileLock::TryTake(folder / "lock");
    if (::write(ready[1], "x", 1) == 1) pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(FileLock::TryTake(folder / "lock").value());
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_TRUE(FileLock::TryTake(folder / "lock").value());
}

TEST(FileLock, WaitingEndsWithTheLimit) {
  const TestFolder folder;
  const auto held = FileLock::TryTake(folder / "lock");
  const auto begin = std::chrono::steady_clock::now();
  const auto taken = FileLock::Take(folder / "lock", 150ms);
  const auto waited = std::chrono::steady_clock::now() - begin;
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::kTimedOut);
  EXPECT_GE(waited, 140ms);
  EXPECT_LE(waited, 2s);
}

// A wait set the process's one timer: a second thread that waited took the limit of the first away,
// and a negative limit was none.
TEST(FileLock, WaitingHasAnEndInEveryThread) {
  const TestFolder folder;
  const auto held = FileLock::TryTake(folder / "lock");
  std::vector<std::thread> threads;
  for (const auto limit : {-1ms, 0ms, 5ms, 100ms, 100ms}) {
    threads.emplace_back([&folder, limit] {
      EXPECT_EQ(FileLock::Take(folder / "lock", limit).error().kind, ErrorKind::kTimedOut);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Who opened the file before its holder removed it locked one that nobody else would find, and two
// held the lock at once.
TEST(FileLock, IsHeldByOneAtATimeThoughItsFileIsRemoved) {
  const TestFolder folder;
  std::atomic<int> inside = 0, turns = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 500; ++j) {
        const auto lock = FileLock::Take(folder / "lock", 10s);
        ASSERT_TRUE(lock);
        EXPECT_EQ(++inside, 1);
        ++turns;
        std::this_thread::yield();
        --inside;
        ::unlink((folder / "lock").c_str());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(turns, 2000);
}

TEST(FileLock, WaitingEndsWhenTheLockIsFree) {
  const TestFolder folder;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const auto lock = FileLock::TryTake(folder / "lock");
    if (::write(ready[1], "x", 1) == 1) usleep(100'000);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_TRUE(FileLock::Take(folder / "lock", 10s));
  waitpid(pid, nullptr, 0);
}

TEST(FileLock, IsNotInheritedByAProgramThatIsStarted) {
  const TestFolder folder;
  auto lock = FileLock::TryTake(folder / "lock");
  ASSERT_TRUE(lock && *lock);
  const pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/sleep", "sleep", "30", nullptr);
    _exit(1);
  }
  std::this_thread::sleep_for(100ms);
  lock->reset();
  EXPECT_TRUE(FileLock::TryTake(folder / "lock").value());
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST(Descriptor, ClosesWhatItOwnsOnce) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Descriptor first(ends[0]);
  Descriptor second(std::move(first));
  EXPECT_FALSE(first.valid());
  second = Descriptor(ends[1]);
  EXPECT_EQ(fcntl(ends[0], F_GETFD), -1);
  EXPECT_EQ(second.get(), ends[1]);
  second.Close();
  EXPECT_EQ(fcntl(ends[1], F_GETFD), -1);
}

}  // namespace
}  // namespace busker::io
