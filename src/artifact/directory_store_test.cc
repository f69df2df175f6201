#include "artifact/directory_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "artifact/clearable_store.h"
#include "artifact/directory_fixture.h"
#include "io/test_disk.h"

namespace busker::artifact {
namespace {

namespace fs = io::fs;
using Keys = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(Directory, StoreConformance, testing::Values([] {
                           return std::unique_ptr<StoreUnderTest>(
                               std::make_unique<DirectoryUnderTest>());
                         }));

TEST(OpenStore, MakesTheFolderAndTellsItsUrl) {
  const io::TestFolder folder;
  const auto store = OpenStore("file://" + (folder / "a b/c%20").string() + "/");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE(fs::is_directory(folder / "a b/c%20"));
  EXPECT_EQ((*store)->Url(), "file://" + (folder / "a b/c%20").string());
}

TEST(OpenStore, RefusesWhatItDoesNotKnowAndSaysWhatThereIs) {
  for (const char* url :
       {"", "s3://bucket", "file://relative", "file:/a", "/srv/artifacts", "file://"}) {
    const auto store = OpenStore(url);
    ASSERT_FALSE(store) << url;
    EXPECT_EQ(store.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(store.error().message.find("file:///"), std::string::npos);
    EXPECT_NE(store.error().message.find("gs://"), std::string::npos);
  }
}

TEST(DirectoryStore, KeysAreThePathsBelowItsFolder) {
  const io::TestFolder folder;
  const auto store = OpenDirectoryStore(folder.path()).value();
  ASSERT_TRUE(store->PutText("a/b", "x", ForFiles()));
  EXPECT_EQ(folder.Read("a/b"), "x");
  EXPECT_EQ(store->LocalPath("a/b", "/nowhere", ForFiles()).value(), folder / "a/b");
}

// Else what crashes leave fills the disk, and no list of the store ever shows it.
TEST(DirectoryStore, WhatCrashesLeftIsFoundOnceNobodyWritesToIt) {
  const io::TestFolder folder;
  const auto store = OpenClearableStore("file://" + folder.path().string()).value();
  ASSERT_TRUE(store->PutText("a/b", "x", ForFiles()));
  ASSERT_TRUE(store->ReplaceText("a/b", "x", "y", ForFiles()).value());  // takes the lock
  folder.Write("a/.tmp-put-1", "half");
  folder.Write(".tmp-removed-2/c/d", "leaving");
  const Keys all = {folder / ".tmp-removed-2", folder / "a/.tmp-put-1"};
  EXPECT_EQ(store->Unfinished(Now() - std::chrono::hours(1), true, ForFiles()).value(), Keys());
  const Instant later = Now() + std::chrono::hours(1);
  EXPECT_EQ(store->Unfinished(later, false, ForFiles()).value(), all);
  EXPECT_EQ(folder.Read("a/.tmp-put-1"), "half");
  EXPECT_EQ(store->Unfinished(later, true, ForFiles()).value(), all);
  EXPECT_EQ(store->Unfinished(later, false, ForFiles()).value(), Keys());
  EXPECT_EQ(store->GetText("a/b", ForFiles()).value(), "y");
  EXPECT_TRUE(fs::exists(folder / ".tmp-lock"));
}

TEST(DirectoryStore, WhatACrashLeftUnfinishedIsNotShown) {
  const io::TestFolder folder;
  const auto store = OpenDirectoryStore(folder.path()).value();
  folder.Write("a/.tmp-put-0123", "half");
  folder.Write("a/b/.tmp-removed-4567/manifest.json", "leaving");
  fs::create_directories(folder / "a/empty/folder");
  EXPECT_EQ(store->List("", ForFiles()).value(), Keys{});
  EXPECT_EQ(store->ListFolders("", ForFiles()).value(), Keys{});
  EXPECT_EQ(store->ListFolders("a", ForFiles()).value(), Keys{});
}

TEST(DirectoryStore, AFailedPutLeavesTheOldValueAndNoRest) {
  const io::TestFolder folder;
  const auto store = OpenDirectoryStore(folder / "store").value();
  ASSERT_TRUE(store->PutText("a/file", "old", ForFiles()));
  const auto from = folder.Write("from", std::string(100'000, 'x'));
  const pid_t pid = fork();
  if (pid == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{5000, 5000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto put = store->PutFile("a/file", from, ForFiles());
    const auto text = store->PutText("a/text", std::string(100'000, 'x'), ForFiles());
    _exit(!put && !text ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(store->GetText("a/file", ForFiles()).value(), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "store/a"), fs::directory_iterator()), 1);
}

TEST(DirectoryStore, AReadOnlyFolderIsReadAndEachWriteSaysWhatIsWrong) {
  const io::TestFolder folder;
  const auto from = folder.Write("from", "x");
  ASSERT_TRUE(OpenDirectoryStore(folder / "store").value()->PutText("text", "old", ForFiles()));
  const io::ReadOnlyFolder read_only(folder / "store");
  const auto opened = OpenDirectoryStore(folder / "store");
  ASSERT_TRUE(opened) << opened.error().message;
  Store& store = **opened;
  EXPECT_EQ(store.GetText("text", ForFiles()).value(), "old");
  EXPECT_EQ(store.List("", ForFiles()).value(), Keys{"text"});
  const auto says = [&](const auto& result) {
    return !result &&
           result.error().message.find((folder / "store").string()) != std::string::npos &&
           (result.error().message.find("Read-only") != std::string::npos ||
            result.error().message.find("denied") != std::string::npos);
  };
  EXPECT_TRUE(says(store.PutFile("a/file", from, ForFiles())));
  EXPECT_TRUE(says(store.PutText("text", "new", ForFiles())));
  EXPECT_TRUE(says(store.CreateText("new", "new", ForFiles())));
  EXPECT_TRUE(says(store.ReplaceText("text", "old", "new", ForFiles())));
  EXPECT_EQ(store.GetText("text", ForFiles()).value(), "old");
}

TEST(DirectoryStore, AFullDiskIsTemporaryAndLeavesNothing) {
  const io::TestFolder folder;
  fs::create_directory(folder / "store");
  const io::SmallDisk disk(folder / "store", "1m");
  if (!disk.mounted())
    return;  // AFailedPutLeavesTheOldValueAndNoRest has a limit that needs no rights
  const auto store = OpenDirectoryStore(folder / "store").value();
  ASSERT_TRUE(store->PutText("a/small", "x", ForFiles()));
  const auto put =
      store->PutFile("a/large", folder.Write("from", std::string(2 << 20, 'x')), ForFiles());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kTemporary);
  EXPECT_NE(put.error().message.find("No space left"), std::string::npos);
  EXPECT_EQ(store->List("", ForFiles()).value(), Keys{"a/small"});
  EXPECT_TRUE(
      store->PutFile("a/large", folder.Write("from", std::string(500'000, 'x')), ForFiles()));
}

TEST(DirectoryStore, TheLockMayBeTidiedAway) {
  const io::TestFolder folder;
  const auto store = OpenDirectoryStore(folder.path()).value();
  ASSERT_TRUE(store->PutText("text", "1", ForFiles()));
  EXPECT_TRUE(store->ReplaceText("text", "1", "2", ForFiles()).value());
  fs::remove(folder / ".tmp-lock");
  EXPECT_TRUE(store->ReplaceText("text", "2", "3", ForFiles()).value());
}

}  // namespace
}  // namespace busker::artifact
