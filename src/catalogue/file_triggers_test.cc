#include "catalogue/file_triggers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "catalogue/folder_watch.h"
#include "io/test_folder.h"

namespace busker::catalogue {
namespace {

constexpr Milliseconds kLimit{10'000};

class FileTriggersTest : public testing::Test {
 protected:
  FileTriggersTest() {
    auto service = std::make_shared<service::Service>();
    service->name = "shop";
    service->actions["load"].when_file = (folder_ / "in/*.csv").string();
    service->actions["train"];
    for (const std::string action : {"load", "train"}) {
      Definition definition;
      definition.graph.key = {"shop", action};
      definition.service = service;
      definition.action = action;
      const plan::GraphKey key = definition.graph.key;
      catalogue_.definitions[key] = std::make_shared<Definition>(std::move(definition));
    }
    io::fs::create_directories(folder_ / "in");
  }

  // Names of the files that have come.
  std::vector<std::string> Look(Instant now, const std::set<std::string>& completed = {}) {
    std::vector<std::string> names;
    for (const FileArrival& arrival : triggers_.Look(catalogue_, completed, now)) {
      EXPECT_EQ(arrival.graph, "shop/load");
      EXPECT_TRUE(keys_.insert(arrival.key).second) << "it was told of before";
      names.push_back(io::fs::path(arrival.file).filename().string());
    }
    return names;
  }
  using Names = std::vector<std::string>;

  io::TestFolder folder_;
  Catalogue catalogue_;
  FileTriggers triggers_;
  std::set<std::string> keys_;
};

TEST_F(FileTriggersTest, TellOfAFileOnceItIsWritten) {
  EXPECT_EQ(FileTriggers::Folders(catalogue_), Names{(folder_ / "in").string()});
  EXPECT_EQ(Look(Now()), Names{});
  folder_.Write("in/a.csv", "1");
  EXPECT_EQ(Look(Now()), Names{});
  EXPECT_TRUE(triggers_.unsure());
  EXPECT_EQ(Look(Now() + std::chrono::seconds(3)), Names{"a.csv"});
  EXPECT_FALSE(triggers_.unsure());
  EXPECT_EQ(Look(Now() + std::chrono::seconds(9)), Names{});
}

TEST_F(FileTriggersTest, TellAtOnceOfAFileThatIsKnownToBeWhole) {
  const auto file = folder_.Write("in/a.csv", "1");
  EXPECT_EQ(Look(Now(), {file.string()}), Names{"a.csv"});
}

TEST_F(FileTriggersTest, TellOfTheNextFileUnderTheSameName) {
  const Instant later = Now() + std::chrono::seconds(3);
  const auto file = folder_.Write("in/a.csv", "1");
  EXPECT_EQ(Look(later), Names{"a.csv"});
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 7}};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_EQ(Look(later), Names{"a.csv"});
}

// A run was started on a file that its writer had not closed, two seconds after its last word.
TEST_F(FileTriggersTest, WaitUntilNobodyHasTheFileOpenForWriting) {
  const auto file = folder_ / "in/a.csv";
  auto writer = std::make_unique<io::Descriptor>(io::Open(file, O_WRONLY | O_CREAT).value());
  EXPECT_EQ(Look(Now() + std::chrono::seconds(9)), Names{});
  EXPECT_TRUE(triggers_.unsure());
  EXPECT_EQ(Look(Now(), {file.string()}), Names{});  // another has closed it
  auto reader = io::Open(file, O_RDONLY).value();
  writer.reset();
  EXPECT_EQ(Look(Now() + std::chrono::seconds(9)), Names{"a.csv"});
}

TEST_F(FileTriggersTest, LeaveOutWhatIsNotMeant) {
  folder_.Write("in/.a.csv", "1");
  folder_.Write("in/a.csv.part", "1");
  io::fs::create_directories(folder_ / "in/folder.csv");
  EXPECT_EQ(Look(Now() + std::chrono::seconds(3)), Names{});
  io::fs::remove_all(folder_ / "in");
  EXPECT_EQ(Look(Now() + std::chrono::seconds(3)), Names{});
}

TEST(FolderWatch, NoticesFilesThatAreWrittenAndWhatElseHappens) {
  const io::TestFolder folder;
  FolderWatch watch = FolderWatch::Make().value();
  watch.Watch({folder.path().string(), (folder / "not there").string()});
  EXPECT_FALSE(watch.Wait(Milliseconds(0)).changed);
  folder.Write("a.csv", "1");
  const FolderWatch::News news = watch.Wait(kLimit);
  EXPECT_TRUE(news.changed);
  EXPECT_TRUE(news.completed.contains((folder / "a.csv").string()));
  io::fs::remove(folder / "a.csv");
  EXPECT_TRUE(watch.Wait(kLimit).changed);
}

// Where the kernel does not say who writes, what was opened anew and not closed is being written.
TEST(FolderWatch, KnowsWhichFilesAreBeingWritten) {
  const io::TestFolder folder;
  folder.Write("old.csv", "1");
  FolderWatch watch = FolderWatch::Make().value();
  watch.Watch({}, {folder.path().string()});
  auto made = io::Open(folder / "a.csv", O_WRONLY | O_CREAT).value();
  io::fs::create_hard_link(folder / "old.csv", folder / "linked.csv");
  EXPECT_TRUE(watch.Wait(kLimit).changed);
  EXPECT_EQ(watch.written(), std::set<std::string>{(folder / "a.csv").string()});
  EXPECT_FALSE(watch.Wait(Milliseconds(0)).changed);
  ASSERT_TRUE(io::WriteAll(made.get(), "1", ""));
  EXPECT_FALSE(watch.Wait(Milliseconds(50)).changed);  // no news before it is closed
  made.Close();
  const auto news = watch.Wait(kLimit);
  EXPECT_TRUE(news.completed.contains((folder / "a.csv").string()));
  EXPECT_TRUE(watch.written().empty());
}

TEST(FolderWatch, LeavesFoldersThatAreNotWantedAnyMore) {
  const io::TestFolder folder;
  io::fs::create_directories(folder / "one");
  FolderWatch watch = FolderWatch::Make().value();
  watch.Watch({(folder / "one").string()});
  watch.Watch({folder.path().string()});
  (void)watch.Wait(Milliseconds(0));
  folder.Write("one/a", "1");
  EXPECT_FALSE(watch.Wait(Milliseconds(0)).completed.contains((folder / "one/a").string()));
}

TEST(FolderWatch, TakesUpAFolderThatWasGoneForAMoment) {
  const io::TestFolder folder;
  const std::string one = (folder / "one").string();
  io::fs::create_directories(one);
  FolderWatch watch = FolderWatch::Make().value();
  watch.Watch({one});
  io::fs::remove(one);
  EXPECT_TRUE(watch.Wait(kLimit).changed);
  io::fs::create_directories(one);
  watch.Watch({one});
  folder.Write("one/a", "1");
  EXPECT_TRUE(watch.Wait(kLimit).completed.contains(one + "/a"));
}

// What is watched was said by threads that answer requests, while another one waited and began to
// watch: both changed the same maps.
TEST(FolderWatch, IsToldByAnyThreadWhatToWatch) {
  const io::TestFolder folder;
  for (const char* name : {"a", "b"}) io::fs::create_directory(folder / name);
  FolderWatch watch = FolderWatch::Make(Milliseconds(1)).value();
  std::jthread waiting([&] {
    while (!watch.stopped()) watch.Wait(kLimit);
  });
  for (int i = 0; i < 200; ++i) {
    watch.Watch({(folder / (i % 2 == 0 ? "a" : "b")).string()});
    folder.Write(i % 3 == 0 ? "a/file" : "b/file", "x");
  }
  watch.Stop();
}

TEST(FolderWatch, StopsFromAnotherThread) {
  FolderWatch watch = FolderWatch::Make().value();
  std::thread other([&] { watch.Stop(); });
  const auto begun = std::chrono::steady_clock::now();
  while (!watch.stopped()) (void)watch.Wait(kLimit);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kLimit);
  other.join();
}

}  // namespace
}  // namespace busker::catalogue
