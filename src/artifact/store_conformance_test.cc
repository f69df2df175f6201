#include "artifact/store_conformance.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

namespace busker::artifact {

TEST_P(StoreConformance, AFileIsReadBackWithTheDigestOfItsBytes) {
  const std::string text = std::string("a\0b", 3) + std::string(700'000, 'x');
  const auto from = folder_.Write("from", text);
  const auto put = store_->PutFile("name/2019-07-01/training/model.ubj", from, ForFiles());
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(*put, (io::FileDigest{text.size(), io::Sha256Of(text)}));
  const auto got =
      store_->GetFile("name/2019-07-01/training/model.ubj", folder_ / "new/folder/to", ForFiles());
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, *put);
  EXPECT_EQ(folder_.Read("new/folder/to"), text);
  EXPECT_EQ(store_->Digest("name/2019-07-01/training/model.ubj", ForFiles()).value(), *put);
}

TEST_P(StoreConformance, ADigestHasTheCrc32cOfTheBytes) {
  const std::string text(100'000, 'x');
  const auto put = store_->PutFile("a/file", folder_.Write("from", text), ForFiles());
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(put->crc32c, io::Crc32cOf(text));
  EXPECT_EQ(store_->Digest("a/file", ForFiles())->crc32c, io::Crc32cOf(text));
  EXPECT_EQ(store_->GetFile("a/file", folder_ / "to", ForFiles())->crc32c, io::Crc32cOf(text));
}

TEST_P(StoreConformance, TheUrlOfAValueIsBelowThatOfTheStore) {
  EXPECT_EQ(store_->UrlOf("a/b c.csv").value(), store_->Url() + "/a/b c.csv");
}

TEST_P(StoreConformance, AnEmptyFileIsAValue) {
  ASSERT_TRUE(store_->PutFile("a/empty", folder_.Write("from", ""), ForFiles()));
  EXPECT_EQ(store_->Digest("a/empty", ForFiles()).value(), (io::FileDigest{0, io::Sha256Of("")}));
  EXPECT_EQ(store_->GetText("a/empty", ForFiles()).value(), "");
  EXPECT_EQ(store_->List("a", ForFiles()).value(), Keys{"a/empty"});
}

TEST_P(StoreConformance, AValueReplacesTheOneBefore) {
  ASSERT_TRUE(store_->PutText("a/text", "old and longer", ForFiles()));
  ASSERT_TRUE(store_->PutText("a/text", "new", ForFiles()));
  EXPECT_EQ(store_->GetText("a/text", ForFiles()).value(), "new");
  ASSERT_TRUE(store_->PutFile("a/text", folder_.Write("from", "newest"), ForFiles()));
  EXPECT_EQ(store_->GetText("a/text", ForFiles()).value(), "newest");
}

TEST_P(StoreConformance, AnotherClientSeesWhatWasAcknowledged) {
  ASSERT_TRUE(store_->PutText("a/text", "x", ForFiles()));
  const auto other = under_test_->Reopen();
  EXPECT_EQ(other->Url(), store_->Url());
  EXPECT_EQ(other->GetText("a/text", ForFiles()).value(), "x");
}

TEST_P(StoreConformance, WhatIsNotThereIsNotFound) {
  ASSERT_TRUE(store_->PutText("a/b/text", "x", ForFiles()));
  for (const char* key : {"none", "a", "a/b", "a/b/none", "a/b/text/below"}) {
    EXPECT_EQ(store_->GetText(key, ForFiles()).error().kind, ErrorKind::kNotFound) << key;
    EXPECT_EQ(store_->Digest(key, ForFiles()).error().kind, ErrorKind::kNotFound) << key;
    EXPECT_EQ(store_->GetFile(key, folder_ / "to", ForFiles()).error().kind, ErrorKind::kNotFound)
        << key;
    EXPECT_EQ(store_->LocalPath(key, folder_ / "local", ForFiles()).error().kind,
              ErrorKind::kNotFound)
        << key;
    EXPECT_FALSE(io::fs::exists(folder_ / "to"));
  }
}

TEST_P(StoreConformance, AMissingFileIsNoValue) {
  const auto put = store_->PutFile("a/file", folder_ / "none", ForFiles());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(store_->List("a", ForFiles()).value(), Keys{});
}

TEST_P(StoreConformance, GettingNeverReplacesAFile) {
  ASSERT_TRUE(store_->PutText("a/text", "new", ForFiles()));
  const auto to = folder_.Write("to", "old");
  EXPECT_FALSE(store_->GetFile("a/text", to, ForFiles()));
  EXPECT_EQ(folder_.Read("to"), "old");
}

TEST_P(StoreConformance, ATextLongerThanTheLimitIsRefused) {
  ASSERT_TRUE(store_->PutText("a/text", std::string(100, 'x'), ForFiles()));
  EXPECT_TRUE(store_->GetText("a/text", ForFiles(), 100));
  EXPECT_EQ(store_->GetText("a/text", ForFiles(), 99).error().kind, ErrorKind::kInvalid);
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
    EXPECT_TRUE(refused(store_->PutFile(key, folder_.Write("from", "x"), ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->PutText(key, "x", ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->CreateText(key, "x", ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->ReplaceText(key, "x", "y", ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->GetFile(key, folder_ / "to", ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->Digest(key, ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->UrlOf(key))) << key;
    EXPECT_TRUE(refused(store_->PutFiles("a", folder_.path(), Keys{key}, ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->GetFiles("a", Keys{key}, folder_.path(), ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->Verify("a", {{key, {}}}, ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->GetTexts(Keys{key}, ForFiles()).at(0))) << key;
    EXPECT_TRUE(refused(store_->GetText(key, ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->LocalPath(key, folder_.path(), ForFiles()))) << key;
    EXPECT_TRUE(refused(store_->RemoveAll(key, ForFiles()))) << key;
    if (!key.empty()) {  // "" lists all
      EXPECT_TRUE(refused(store_->List(key, ForFiles()))) << key;
      EXPECT_TRUE(refused(clearable_->ListWritten(key, ForFiles()))) << key;
      EXPECT_TRUE(refused(store_->ListFolders(key, ForFiles()))) << key;
    }
  }
  EXPECT_EQ(store_->List("", ForFiles()).value(), Keys{});
}

TEST_P(StoreConformance, UnusualNamesAreKeysToo) {
  Keys keys = {"a/.hidden", "a/100% of it?#&+.csv", "a/Gr\xC3\xBC\xC3\x9F", "a/sp ace", "a/~",
               "a/\\"};
  for (const std::string& key : keys) {
    const auto put = store_->PutText(key, key, ForFiles());
    ASSERT_TRUE(put) << put.error().message;
    EXPECT_EQ(store_->GetText(key, ForFiles()).value(), key);
  }
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(store_->List("a", ForFiles()).value(), keys);
}

TEST_P(StoreConformance, AKeyOfTheGreatestLengthIsStored) {
  const std::string key =
      std::string(255, 'a') + "/" + std::string(255, 'b') + "/" + std::string(255, 'c');
  ASSERT_TRUE(store_->PutText(key, "x", ForFiles()));
  ASSERT_TRUE(store_->PutFile(key, folder_.Write("from", "y"), ForFiles()));
  EXPECT_EQ(store_->GetText(key, ForFiles()).value(), "y");
}

// 300 small files, folders, an empty one, one that is large; and back.
TEST_P(StoreConformance, ManyFilesAreStoredAndReadBackAtOnce) {
  std::map<std::string, std::string> texts = {{"empty", ""}, {"large", std::string(9 << 20, 'l')}};
  for (int i = 0; i < 300; ++i) texts["folder/" + std::to_string(i)] = std::to_string(i);
  Keys files;
  for (const auto& [file, text] : texts) {
    folder_.Write("from/" + file, text);
    files.push_back(file);
  }
  const auto put = store_->PutFiles("a/b", folder_ / "from", files, ForFiles());
  ASSERT_TRUE(put) << put.error().message;
  const auto got = store_->GetFiles("a/b", files, folder_ / "to", ForFiles());
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, *put);
  ASSERT_EQ(put->size(), texts.size());
  for (const auto& [file, text] : texts) {
    EXPECT_EQ(put->at(file), io::DigestOf(text)) << file;
    EXPECT_EQ(folder_.Read("to/" + file), text) << file;
  }
  EXPECT_EQ(store_->List("a/b", ForFiles())->size(), texts.size());
  EXPECT_TRUE(store_->Verify("a/b", *put, ForFiles()));
}

TEST_P(StoreConformance, OfManyFilesNoneIsLeftWhenOneIsMissing) {
  const Keys files = {"one", "three", "two"};
  for (const char* file : {"one", "two"}) {
    folder_.Write(std::string("from/") + file, file);
    ASSERT_TRUE(store_->PutText(std::string("a/") + file, file, ForFiles()));
  }
  const auto put = store_->PutFiles("b", folder_ / "from", files, ForFiles());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(put.error().message.find("three"), std::string::npos) << put.error().message;
  const auto got = store_->GetFiles("a", files, folder_ / "to", ForFiles());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(got.error().message.find("a/three"), std::string::npos) << got.error().message;
  EXPECT_FALSE(io::fs::exists(folder_ / "to/one"));
  EXPECT_FALSE(io::fs::exists(folder_ / "to/two"));
}

TEST_P(StoreConformance, GettingManyFilesNeverReplacesOne) {
  ASSERT_TRUE(store_->PutText("a/one", "new", ForFiles()));
  ASSERT_TRUE(store_->PutText("a/two", "new", ForFiles()));
  folder_.Write("to/two", "old");
  EXPECT_FALSE(store_->GetFiles("a", Keys{"one", "two"}, folder_ / "to", ForFiles()));
  EXPECT_EQ(folder_.Read("to/two"), "old");
  EXPECT_FALSE(io::fs::exists(folder_ / "to/one"));
}

TEST_P(StoreConformance, NoFilesAtAllAreFineToo) {
  EXPECT_TRUE(store_->PutFiles("a", folder_.path(), Keys{}, ForFiles())->empty());
  EXPECT_TRUE(store_->GetFiles("a", Keys{}, folder_.path(), ForFiles())->empty());
  EXPECT_TRUE(store_->GetTexts(Keys{}, ForFiles()).empty());
  EXPECT_TRUE(store_->Verify("a", {}, ForFiles()));
}

TEST_P(StoreConformance, VerifyingTellsWhatIsAnotherOrGone) {
  ASSERT_TRUE(store_->PutText("a/one", "one", ForFiles()));
  ASSERT_TRUE(store_->PutText("a/two", "two", ForFiles()));
  const auto one = io::DigestOf("one");
  const auto fault = [&](const std::string& file, const io::FileDigest& digest) {
    const auto verified = store_->Verify("a", {{"one", one}, {file, digest}}, ForFiles());
    if (verified) return std::string("fine");
    const bool names_it = verified.error().message.find("a/" + file) != std::string::npos;
    const ErrorKind kind = verified.error().kind;
    return !names_it                      ? verified.error().message
           : kind == ErrorKind::kUnusable ? "another"
           : kind == ErrorKind::kNotFound ? "gone"
                                          : "?";
  };
  EXPECT_EQ(fault("two", io::DigestOf("two")), "fine");
  EXPECT_EQ(fault("two", io::DigestOf("owt")), "another");
  EXPECT_EQ(fault("two", io::DigestOf("longer")), "another");
  EXPECT_EQ(fault("three", io::DigestOf("two")), "gone");
  // As manifests of before have it.
  EXPECT_EQ(fault("two", {3, io::Sha256Of("two")}), "fine");
  EXPECT_EQ(fault("two", {3, io::Sha256Of("owt")}), "another");
  EXPECT_EQ(fault("two", {6, io::Sha256Of("longer")}), "another");
}

TEST_P(StoreConformance, ManyTextsEachHaveAnErrorOfTheirOwn) {
  ASSERT_TRUE(store_->PutText("a/1", "one", ForFiles()));
  ASSERT_TRUE(store_->PutText("a/3", std::string(100, 'x'), ForFiles()));
  const auto texts = store_->GetTexts(Keys{"a/1", "a/2", "a/3", "/"}, ForFiles(), 99);
  ASSERT_EQ(texts.size(), 4U);
  EXPECT_EQ(texts[0].value(), "one");
  EXPECT_EQ(texts[1].error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(texts[2].error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(texts[3].error().kind, ErrorKind::kInvalid);
}

// Every call, with what a person who stops it, and a deadline that has passed, get: nothing is done
// then, neither there nor here.
TEST_P(StoreConformance, WhoStopsOrIsLateGetsNothingDone) {
  ASSERT_TRUE(store_->PutText("a/text", "old", ForFiles()));
  const auto from = folder_.Write("from", "new");
  const auto values = clearable_->ListWritten("a", ForFiles()).value();
  std::stop_source stop;
  stop.request_stop();
  for (const auto& [interrupt, kind] :
       {std::pair(ForFiles(stop.get_token()), ErrorKind::kTemporary),
        std::pair(io::Within(Milliseconds(0)), ErrorKind::kTimedOut)}) {
    const auto ended = [wanted = kind](const auto& result) {
      return !result && result.error().kind == wanted;
    };
    EXPECT_TRUE(ended(store_->PutFile("a/text", from, interrupt)));
    EXPECT_TRUE(ended(store_->PutFiles("a", folder_.path(), Keys{"from"}, interrupt)));
    EXPECT_TRUE(ended(store_->PutText("a/text", "new", interrupt)));
    EXPECT_TRUE(ended(store_->CreateText("a/new", "new", interrupt)));
    EXPECT_TRUE(ended(store_->ReplaceText("a/text", "old", "new", interrupt)));
    EXPECT_TRUE(ended(store_->GetFile("a/text", folder_ / "to", interrupt)));
    EXPECT_TRUE(ended(store_->GetFiles("a", Keys{"text"}, folder_ / "to", interrupt)));
    EXPECT_TRUE(ended(store_->Digest("a/text", interrupt)));
    EXPECT_TRUE(ended(store_->Verify("a", {{"text", io::DigestOf("old")}}, interrupt)));
    EXPECT_TRUE(ended(store_->GetText("a/text", interrupt)));
    EXPECT_TRUE(ended(store_->GetTexts(Keys{"a/text"}, interrupt).at(0)));
    EXPECT_TRUE(ended(store_->List("a", interrupt)));
    EXPECT_TRUE(ended(store_->ListFolders("", interrupt)));
    EXPECT_TRUE(ended(clearable_->ListWritten("a", interrupt)));
    EXPECT_TRUE(ended(store_->RemoveAll("a", interrupt)));
    EXPECT_TRUE(ended(clearable_->Remove(values, interrupt)));
    EXPECT_TRUE(ended(clearable_->Unfinished(Now(), true, interrupt)));
    EXPECT_TRUE(ended(store_->LocalPath("a/text", folder_.path(), interrupt)));
  }
  EXPECT_EQ(store_->List("", ForFiles()).value(), Keys{"a/text"});
  EXPECT_EQ(store_->GetText("a/text", ForFiles()).value(), "old");
  EXPECT_FALSE(io::fs::exists(folder_ / "to"));
}

TEST_P(StoreConformance, OnlyTheFirstToCreateDoes) {
  EXPECT_TRUE(store_->CreateText("a/text", "first", ForFiles()).value());
  EXPECT_FALSE(store_->CreateText("a/text", "second", ForFiles()).value());
  EXPECT_EQ(store_->GetText("a/text", ForFiles()).value(), "first");
}

TEST_P(StoreConformance, OfManyCreatorsExactlyOneSucceeds) {
  std::atomic<int> created = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i, store = std::shared_ptr<Store>(under_test_->Reopen())] {
      const auto done = store->CreateText("a/text", std::to_string(i), ForFiles());
      if (done && *done) ++created;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
}

TEST_P(StoreConformance, ReplacingNeedsTheTextThatIsThere) {
  EXPECT_FALSE(store_->ReplaceText("a/live.json", "1", "2", ForFiles()).value());
  EXPECT_TRUE(store_->ReplaceText("a/live.json", std::nullopt, "1", ForFiles()).value());
  EXPECT_FALSE(store_->ReplaceText("a/live.json", std::nullopt, "2", ForFiles()).value());
  EXPECT_FALSE(store_->ReplaceText("a/live.json", "other", "2", ForFiles()).value());
  EXPECT_TRUE(store_->ReplaceText("a/live.json", "1", "2", ForFiles()).value());
  EXPECT_EQ(store_->GetText("a/live.json", ForFiles()).value(), "2");
}

// Each thread counts up from what it has read; no step may be lost.
TEST_P(StoreConformance, OfManyWhoReplaceOneTextExactlyOneSucceeds) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 15;
  ASSERT_TRUE(store_->PutText("a/count", "0", ForFiles()));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([store = std::shared_ptr<Store>(under_test_->Reopen())] {
      for (int done = 0; done < kSteps;) {
        const auto text = store->GetText("a/count", ForFiles());
        if (!text) return;
        const auto next = std::to_string(std::stoi(*text) + 1);
        const auto replaced = store->ReplaceText("a/count", *text, next, ForFiles());
        if (!replaced) return;
        done += *replaced ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->GetText("a/count", ForFiles()).value(), std::to_string(kThreads * kSteps));
}

TEST_P(StoreConformance, AReaderSeesAValueWholeOrNotAtAll) {
  const std::string texts[] = {std::string(200'000, 'a'), std::string(200'000, 'b')};
  const io::fs::path files[] = {folder_.Write("a", texts[0]), folder_.Write("b", texts[1])};
  std::atomic<bool> done = false;
  std::thread writer([&, store = std::shared_ptr<Store>(under_test_->Reopen())] {
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(store->PutFile("a/file", files[i % 2], ForFiles()));
    done = true;
  });
  while (!done) {
    const auto text = store_->GetText("a/file", ForFiles());
    if (text ? *text != texts[0] && *text != texts[1] : text.error().kind != ErrorKind::kNotFound) {
      ADD_FAILURE() << "a half value was seen";
    }
    const Keys keys = store_->List("a", ForFiles()).value();
    EXPECT_TRUE(keys.empty() || keys == Keys{"a/file"});
  }
  writer.join();
}

TEST_P(StoreConformance, ListsAreSortedAndKeepToTheirPrefix) {
  for (const char* key : {"a/z", "a/b/c", "a/b.txt", "a/b/a", "ab/x", "b"}) {
    ASSERT_TRUE(store_->PutText(key, "x", ForFiles()));
  }
  EXPECT_EQ(store_->List("a", ForFiles()).value(), (Keys{"a/b.txt", "a/b/a", "a/b/c", "a/z"}));
  EXPECT_EQ(store_->List("a/b", ForFiles()).value(), (Keys{"a/b/a", "a/b/c"}));
  EXPECT_EQ(store_->List("", ForFiles()).value(),
            (Keys{"a/b.txt", "a/b/a", "a/b/c", "a/z", "ab/x", "b"}));
  EXPECT_EQ(store_->List("b", ForFiles()).value(), Keys{});  // a value has nothing below it
  EXPECT_EQ(store_->List("none", ForFiles()).value(), Keys{});
  EXPECT_EQ(store_->ListFolders("", ForFiles()).value(), (Keys{"a", "ab"}));
  EXPECT_EQ(store_->ListFolders("a", ForFiles()).value(), Keys{"b"});
  EXPECT_EQ(store_->ListFolders("a/b", ForFiles()).value(), Keys{});
  EXPECT_EQ(store_->ListFolders("none", ForFiles()).value(), Keys{});
}

TEST_P(StoreConformance, RemovingTakesEverythingBelowAndNothingBeside) {
  for (const char* key : {"a/b/c", "a/b/d/e", "a/bc", "a/b.txt"}) {
    ASSERT_TRUE(store_->PutText(key, "x", ForFiles()));
  }
  ASSERT_TRUE(store_->RemoveAll("a/b", ForFiles()));
  EXPECT_EQ(store_->List("", ForFiles()).value(), (Keys{"a/b.txt", "a/bc"}));
  EXPECT_EQ(store_->ListFolders("a", ForFiles()).value(), Keys{});
  EXPECT_TRUE(store_->RemoveAll("a/b", ForFiles()));
  EXPECT_TRUE(store_->RemoveAll("none", ForFiles()));
  EXPECT_TRUE(store_->RemoveAll("a/bc", ForFiles()));  // a value: nothing is below it
  EXPECT_EQ(store_->List("a", ForFiles()).value(), (Keys{"a/b.txt", "a/bc"}));
  ASSERT_TRUE(store_->PutText("a/b/c", "again", ForFiles()));
  EXPECT_EQ(store_->GetText("a/b/c", ForFiles()).value(), "again");
}

TEST_P(StoreConformance, AListSaysWhenEachValueWasWritten) {
  const Instant before = Now() - std::chrono::minutes(1);
  for (const char* key : {"a/z", "a/b/c", "b"}) {
    ASSERT_TRUE(store_->PutText(key, std::string(7, 'x'), ForFiles()));
  }
  const auto values = clearable_->ListWritten("a", ForFiles()).value();
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values[0].key, "a/b/c");
  EXPECT_EQ(values[1].key, "a/z");
  for (const Written& value : values) {
    EXPECT_EQ(value.size_bytes, 7U);
    EXPECT_GT(value.at, before);
    EXPECT_LT(value.at, Now() + std::chrono::minutes(1));
  }
  EXPECT_TRUE(clearable_->ListWritten("none", ForFiles())->empty());
}

TEST_P(StoreConformance, OnlyWhatIsAsItWasListedIsRemoved) {
  for (const char* key : {"n/v/a/t/gone", "n/v/a/t/new", "n/v/a/t/old", "n/v/a/t/stays"}) {
    ASSERT_TRUE(store_->PutText(key, "1", ForFiles()));
  }
  auto values = clearable_->ListWritten("n/v/a/t", ForFiles()).value();
  ASSERT_EQ(values.size(), 4U);
  ASSERT_TRUE(store_->ReplaceText("n/v/a/t/new", "1", "2", ForFiles()).value());
  ASSERT_TRUE(clearable_->Remove(std::span(values).first(1), ForFiles()));
  values.pop_back();
  ASSERT_TRUE(clearable_->Remove(values, ForFiles()));
  EXPECT_EQ(store_->List("", ForFiles()).value(), (Keys{"n/v/a/t/new", "n/v/a/t/stays"}));
  EXPECT_EQ(store_->GetText("n/v/a/t/new", ForFiles()).value(), "2");
  values[0].key = "../a";
  EXPECT_EQ(clearable_->Remove(values, ForFiles()).error().kind, ErrorKind::kInvalid);
}

TEST_P(StoreConformance, ALocalPathReadsTheValue) {
  ASSERT_TRUE(store_->PutText("a/text", "x", ForFiles()));
  const auto path = store_->LocalPath("a/text", folder_.path(), ForFiles());
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(io::ReadFile(*path).value(), "x");
}

}  // namespace busker::artifact
