// What every artifact store must do, as tests. For tests only.
//
// A back end plugs in with a function that opens an empty store, called once per test:
//
//   INSTANTIATE_TEST_SUITE_P(Directory, StoreConformance, testing::Values(&OpenEmptyDirectory));
//
// and is finished when all of it passes. `Reopen` hands a second client of the same store, as
// another process would have it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "artifact/store.h"
#include "io/test_folder.h"

namespace busker::artifact {

// An empty store that lives as long as this.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual std::unique_ptr<Store> Reopen() = 0;
};
using OpenEmptyStore = std::unique_ptr<StoreUnderTest> (*)();

class StoreConformance : public testing::TestWithParam<OpenEmptyStore> {
 protected:
  using Keys = std::vector<std::string>;

  std::unique_ptr<StoreUnderTest> under_test_ = GetParam()();
  std::unique_ptr<Store> store_ = under_test_->Reopen();
  const io::TestFolder folder_;
};

TEST_P(StoreConformance, AFileIsReadBackWithTheDigestOfItsBytes) {
  const std::string text = std::string("a\0b", 3) + std::string(700'000, 'x');
  const auto from = folder_.Write("from", text);
  const auto put = store_->PutFile("name/2019-07-01/training/model.ubj", from);
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(*put, (io::FileDigest{text.size(), io::Sha256Of(text)}));
  const auto got = store_->GetFile("name/2019-07-01/training/model.ubj", folder_ / "new/folder/to");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, *put);
  EXPECT_EQ(folder_.Read("new/folder/to"), text);
  EXPECT_EQ(store_->Digest("name/2019-07-01/training/model.ubj").value(), *put);
}

TEST_P(StoreConformance, AnEmptyFileIsAValue) {
  ASSERT_TRUE(store_->PutFile("a/empty", folder_.Write("from", "")));
  EXPECT_EQ(store_->Digest("a/empty").value(), (io::FileDigest{0, io::Sha256Of("")}));
  EXPECT_EQ(store_->GetText("a/empty").value(), "");
  EXPECT_EQ(store_->List("a").value(), Keys{"a/empty"});
}

TEST_P(StoreConformance, AValueReplacesTheOneBefore) {
  ASSERT_TRUE(store_->PutText("a/text", "old and longer"));
  ASSERT_TRUE(store_->PutText("a/text", "new"));
  EXPECT_EQ(store_->GetText("a/text").value(), "new");
  ASSERT_TRUE(store_->PutFile("a/text", folder_.Write("from", "newest")));
  EXPECT_EQ(store_->GetText("a/text").value(), "newest");
}

TEST_P(StoreConformance, AnotherClientSeesWhatWasAcknowledged) {
  ASSERT_TRUE(store_->PutText("a/text", "x"));
  const auto other = under_test_->Reopen();
  EXPECT_EQ(other->Url(), store_->Url());
  EXPECT_EQ(other->GetText("a/text").value(), "x");
}

TEST_P(StoreConformance, WhatIsNotThereIsNotFound) {
  ASSERT_TRUE(store_->PutText("a/b/text", "x"));
  for (const char* key : {"none", "a", "a/b", "a/b/none", "a/b/text/below"}) {
    EXPECT_EQ(store_->GetText(key).error().kind, ErrorKind::kNotFound) << key;
    EXPECT_EQ(store_->Digest(key).error().kind, ErrorKind::kNotFound) << key;
    EXPECT_EQ(store_->GetFile(key, folder_ / "to").error().kind, ErrorKind::kNotFound) << key;
    EXPECT_EQ(store_->LocalPath(key, folder_ / "local").error().kind, ErrorKind::kNotFound) << key;
    EXPECT_FALSE(io::fs::exists(folder_ / "to"));
  }
}

TEST_P(StoreConformance, AMissingFileIsNoValue) {
  const auto put = store_->PutFile("a/file", folder_ / "none");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store_->List("a").value(), Keys{});
}

TEST_P(StoreConformance, GettingNeverReplacesAFile) {
  ASSERT_TRUE(store_->PutText("a/text", "new"));
  const auto to = folder_.Write("to", "old");
  EXPECT_FALSE(store_->GetFile("a/text", to));
  EXPECT_EQ(folder_.Read("to"), "old");
}

TEST_P(StoreConformance, ATextLongerThanTheLimitIsRefused) {
  ASSERT_TRUE(store_->PutText("a/text", std::string(100, 'x')));
  EXPECT_TRUE(store_->GetText("a/text", 100));
  EXPECT_EQ(store_->GetText("a/text", 99).error().kind, ErrorKind::kInvalid);
}

TEST_P(StoreConformance, AKeyThatIsNoPlainRelativePathIsRefused) {
  const Keys bad = {"",
                    "/",
                    "/a",
                    "a/",
                    "a//b",
                    ".",
                    "..",
                    "a/.",
                    "a/..",
                    "../a",
                    "a/../b",
                    "a/./b",
                    "a\nb",
                    std::string("a\0b", 3),
                    "a\x7f",
                    "\xff/a",
                    ".tmp-a",
                    "a/.tmp-b/c",
                    std::string(1025, 'k'),
                    std::string(256, 'k')};
  for (const std::string& key : bad) {
    const auto refused = [](const auto& result) {
      return !result && result.error().kind == ErrorKind::kInvalid;
    };
    EXPECT_TRUE(refused(store_->PutFile(key, folder_.Write("from", "x")))) << key;
    EXPECT_TRUE(refused(store_->PutText(key, "x"))) << key;
    EXPECT_TRUE(refused(store_->CreateText(key, "x"))) << key;
    EXPECT_TRUE(refused(store_->ReplaceText(key, "x", "y"))) << key;
    EXPECT_TRUE(refused(store_->GetFile(key, folder_ / "to"))) << key;
    EXPECT_TRUE(refused(store_->Digest(key))) << key;
    EXPECT_TRUE(refused(store_->GetText(key))) << key;
    EXPECT_TRUE(refused(store_->LocalPath(key, folder_.path()))) << key;
    EXPECT_TRUE(refused(store_->RemoveAll(key))) << key;
    if (!key.empty()) {  // "" lists all
      EXPECT_TRUE(refused(store_->List(key))) << key;
      EXPECT_TRUE(refused(store_->ListFolders(key))) << key;
    }
  }
  EXPECT_EQ(store_->List("").value(), Keys{});
}

TEST_P(StoreConformance, UnusualNamesAreKeysToo) {
  Keys keys = {"a/.hidden", "a/100% of it?#&+.csv", "a/Gr\xC3\xBC\xC3\x9F", "a/sp ace", "a/~",
               "a/\\"};
  for (const std::string& key : keys) {
    const auto put = store_->PutText(key, key);
    ASSERT_TRUE(put) << put.error().message;
    EXPECT_EQ(store_->GetText(key).value(), key);
  }
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(store_->List("a").value(), keys);
}

TEST_P(StoreConformance, AKeyOfTheGreatestLengthIsStored) {
  const std::string key =
      std::string(255, 'a') + "/" + std::string(255, 'b') + "/" + std::string(255, 'c');
  ASSERT_TRUE(store_->PutText(key, "x"));
  ASSERT_TRUE(store_->PutFile(key, folder_.Write("from", "y")));
  EXPECT_EQ(store_->GetText(key).value(), "y");
}

TEST_P(StoreConformance, OnlyTheFirstToCreateDoes) {
  EXPECT_TRUE(store_->CreateText("a/text", "first").value());
  EXPECT_FALSE(store_->CreateText("a/text", "second").value());
  EXPECT_EQ(store_->GetText("a/text").value(), "first");
}

TEST_P(StoreConformance, OfManyCreatorsExactlyOneSucceeds) {
  std::atomic<int> created = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i, store = std::shared_ptr<Store>(under_test_->Reopen())] {
      const auto done = store->CreateText("a/text", std::to_string(i));
      if (done && *done) ++created;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
}

TEST_P(StoreConformance, ReplacingNeedsTheTextThatIsThere) {
  EXPECT_FALSE(store_->ReplaceText("a/live.json", "1", "2").value());
  EXPECT_TRUE(store_->ReplaceText("a/live.json", std::nullopt, "1").value());
  EXPECT_FALSE(store_->ReplaceText("a/live.json", std::nullopt, "2").value());
  EXPECT_FALSE(store_->ReplaceText("a/live.json", "other", "2").value());
  EXPECT_TRUE(store_->ReplaceText("a/live.json", "1", "2").value());
  EXPECT_EQ(store_->GetText("a/live.json").value(), "2");
}

// Each thread counts up from what it has read; no step may be lost.
TEST_P(StoreConformance, OfManyWhoReplaceOneTextExactlyOneSucceeds) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 15;
  ASSERT_TRUE(store_->PutText("a/count", "0"));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([store = std::shared_ptr<Store>(under_test_->Reopen())] {
      for (int done = 0; done < kSteps;) {
        const auto text = store->GetText("a/count");
        if (!text) return;
        const auto next = std::to_string(std::stoi(*text) + 1);
        const auto replaced = store->ReplaceText("a/count", *text, next);
        if (!replaced) return;
        done += *replaced ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->GetText("a/count").value(), std::to_string(kThreads * kSteps));
}

TEST_P(StoreConformance, AReaderSeesAValueWholeOrNotAtAll) {
  const std::string texts[] = {std::string(200'000, 'a'), std::string(200'000, 'b')};
  const io::fs::path files[] = {folder_.Write("a", texts[0]), folder_.Write("b", texts[1])};
  std::atomic<bool> done = false;
  std::thread writer([&, store = std::shared_ptr<Store>(under_test_->Reopen())] {
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(store->PutFile("a/file", files[i % 2]));
    done = true;
  });
  while (!done) {
    const auto text = store_->GetText("a/file");
    if (text ? *text != texts[0] && *text != texts[1] : text.error().kind != ErrorKind::kNotFound) {
      ADD_FAILURE() << "a half value was seen";
    }
    const Keys keys = store_->List("a").value();
    EXPECT_TRUE(keys.empty() || keys == Keys{"a/file"});
  }
  writer.join();
}

TEST_P(StoreConformance, ListsAreSortedAndKeepToTheirPrefix) {
  for (const char* key : {"a/z", "a/b/c", "a/b.txt", "a/b/a", "ab/x", "b"}) {
    ASSERT_TRUE(store_->PutText(key, "x"));
  }
  EXPECT_EQ(store_->List("a").value(), (Keys{"a/b.txt", "a/b/a", "a/b/c", "a/z"}));
  EXPECT_EQ(store_->List("a/b").value(), (Keys{"a/b/a", "a/b/c"}));
  EXPECT_EQ(store_->List("").value(), (Keys{"a/b.txt", "a/b/a", "a/b/c", "a/z", "ab/x", "b"}));
  EXPECT_EQ(store_->List("b").value(), Keys{});  // a value has nothing below it
  EXPECT_EQ(store_->List("none").value(), Keys{});
  EXPECT_EQ(store_->ListFolders("").value(), (Keys{"a", "ab"}));
  EXPECT_EQ(store_->ListFolders("a").value(), Keys{"b"});
  EXPECT_EQ(store_->ListFolders("a/b").value(), Keys{});
  EXPECT_EQ(store_->ListFolders("none").value(), Keys{});
}

TEST_P(StoreConformance, RemovingTakesEverythingBelowAndNothingBeside) {
  for (const char* key : {"a/b/c", "a/b/d/e", "a/bc", "a/b.txt"}) {
    ASSERT_TRUE(store_->PutText(key, "x"));
  }
  ASSERT_TRUE(store_->RemoveAll("a/b"));
  EXPECT_EQ(store_->List("").value(), (Keys{"a/b.txt", "a/bc"}));
  EXPECT_EQ(store_->ListFolders("a").value(), Keys{});
  EXPECT_TRUE(store_->RemoveAll("a/b"));
  EXPECT_TRUE(store_->RemoveAll("none"));
  EXPECT_TRUE(store_->RemoveAll("a/bc"));  // a value: nothing is below it
  EXPECT_EQ(store_->List("a").value(), (Keys{"a/b.txt", "a/bc"}));
  ASSERT_TRUE(store_->PutText("a/b/c", "again"));
  EXPECT_EQ(store_->GetText("a/b/c").value(), "again");
}

TEST_P(StoreConformance, ALocalPathReadsTheValue) {
  ASSERT_TRUE(store_->PutText("a/text", "x"));
  const auto path = store_->LocalPath("a/text", folder_.path());
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(io::ReadFile(*path).value(), "x");
}

}  // namespace busker::artifact
