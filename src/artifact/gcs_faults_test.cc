// What a network and a busy service do to the store in a bucket, at each place where they can.
#include <sys/eventfd.h>
#include <unistd.h>

#include "artifact/gcs_fixture.h"
#include "artifact/version.h"
#include "io/test_disk.h"

namespace busker::artifact {
namespace {

using Fault = StrictGcsFault;
using Keys = std::vector<std::string>;

constexpr char kUpload[] = "POST /upload/";
constexpr char kResume[] = "PUT /upload/";

class GcsFaults : public testing::Test {
 protected:
  ~GcsFaults() override { EXPECT_EQ(server_.violations(), Keys()); }

  std::optional<std::string> BytesOf(const std::string& key) {
    return server_.WithBucket([&](StrictGcsBucket& b) { return b.BytesOf("some/prefix/" + key); });
  }
  // Four chunks and a bit.
  std::string LargeText() const { return std::string((1u << 20) + 7, 'l'); }

  StrictGcs server_;
  const std::unique_ptr<Store> store_ = OpenAt(server_, QuickGcsSettings());
  const io::TestFolder folder_;
};

// The answer to a create was lost, the next try got a 412, and the caller was told that somebody
// else had been first: a start fence nobody passes, a version that exists and was not saved.
TEST_F(GcsFaults, ACreateWhoseAnswerIsLostIsStillOurs) {
  for (const Fault fault :
       {Fault::kLost, Fault::kBusyDone, Fault::kCutAnswer, Fault::kCutRequest}) {
    const std::string key = "a/" + std::to_string(static_cast<int>(fault));
    server_.Fail(fault, kUpload);
    const auto created = store_->CreateText(key, "ours", ForFiles());
    ASSERT_TRUE(created) << created.error().message;
    EXPECT_TRUE(*created) << key;
    EXPECT_EQ(BytesOf(key), "ours");
  }
}

TEST_F(GcsFaults, ACreateThatCameTooLateIsNotOurs) {
  server_.Fail(Fault::kBusy, kUpload);
  server_.Before(kUpload, [](StrictGcsBucket& b) { b.Put("some/prefix/a/text", "theirs"); });
  EXPECT_FALSE(store_->CreateText("a/text", "ours", ForFiles()).value());
  EXPECT_EQ(BytesOf("a/text"), "theirs");
}

TEST_F(GcsFaults, AReplacementWhoseAnswerIsLostIsStillOurs) {
  ASSERT_TRUE(store_->PutText("a/text", "1", ForFiles()));
  for (const Fault fault :
       {Fault::kLost, Fault::kBusyDone, Fault::kCutAnswer, Fault::kCutRequest}) {
    const std::string before = BytesOf("a/text").value();
    server_.Fail(fault, kUpload);
    EXPECT_TRUE(store_->ReplaceText("a/text", before, before + "1", ForFiles()).value());
    EXPECT_EQ(BytesOf("a/text"), before + "1");
  }
}

TEST_F(GcsFaults, AReplacementBetweenWhoseLookAndWriteAnotherCameIsNone) {
  ASSERT_TRUE(store_->PutText("a/text", "1", ForFiles()));
  server_.Before(kUpload, [](StrictGcsBucket& b) { b.Put("some/prefix/a/text", "theirs"); });
  EXPECT_FALSE(store_->ReplaceText("a/text", "1", "ours", ForFiles()).value());
  EXPECT_EQ(BytesOf("a/text"), "theirs");
  // The same bytes, but another's: whoever wrote them may have acted on it.
  server_.Before(kUpload, [](StrictGcsBucket& b) { b.Put("some/prefix/a/text", "theirs"); });
  EXPECT_FALSE(store_->ReplaceText("a/text", "theirs", "ours", ForFiles()).value());
}

TEST_F(GcsFaults, EveryKindOfFaultOfEveryCallIsTriedAgain) {
  const auto from = folder_.Write("from", "bytes");
  ASSERT_TRUE(store_->PutText("a/text", "text", ForFiles()));
  for (const Fault fault : {Fault::kBusy, Fault::kBusyDone, Fault::kLost, Fault::kCutAnswer}) {
    const auto with = [&](const char* part) -> Store& {
      server_.Fail(fault, part);
      return *store_;
    };
    EXPECT_TRUE(with(kUpload).PutFile("b/file", from, ForFiles()));
    EXPECT_TRUE(with("GET").PutFile("a/text", from, ForFiles()));  // something is there: a look
    EXPECT_EQ(with("GET").GetText("a/text", ForFiles()).value(), "bytes");
    EXPECT_EQ(with("alt=media").Digest("a/text", ForFiles()).value(), io::DigestOf("bytes"));
    EXPECT_EQ(with("GET").List("a", ForFiles()).value(), Keys{"a/text"});
    EXPECT_EQ(with("GET").ListFolders("", ForFiles()).value(), (Keys{"a", "b"}));
    EXPECT_TRUE(with("GET").Verify("a", {{"text", io::DigestOf("bytes")}}, ForFiles()));
    EXPECT_TRUE(with("DELETE").RemoveAll("b", ForFiles()));
    EXPECT_EQ(BytesOf("b/file"), std::nullopt);
    ASSERT_TRUE(store_->PutText("a/text", "text", ForFiles()));
  }
}

TEST_F(GcsFaults, ABusyServiceIsLeftAloneAsLongAsItAsks) {
  server_.Fail(Fault::kBusy, kUpload, 1, "1");
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(store_->PutText("a/text", "x", ForFiles()));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

// ---- large files, by sessions

// Each request of the upload in turn: the session's begin, each chunk, and the question in between.
TEST_F(GcsFaults, AnUploadByChunksOutlivesAFaultAtEachOfItsSteps) {
  const auto from = folder_.Write("from", LargeText());
  for (const Fault fault :
       {Fault::kBusy, Fault::kBusyDone, Fault::kLost, Fault::kCutRequest, Fault::kCutAnswer}) {
    const std::size_t before = server_.requests().size();
    ASSERT_TRUE(
        store_->PutFile("plain/" + std::to_string(static_cast<int>(fault)), from, ForFiles()));
    const std::size_t steps = server_.requests().size() - before;
    ASSERT_EQ(steps, 7U);  // the look, the begin, five chunks
    for (std::size_t step = 1; step <= steps; ++step) {
      const std::string key = std::to_string(static_cast<int>(fault)) + "/" + std::to_string(step);
      std::size_t count = 0;
      server_.FailWhen(fault, [&count, step](const std::string&) { return ++count == step; });
      const auto put = store_->PutFile(key, from, ForFiles());
      ASSERT_TRUE(put) << key << ": " << put.error().message;
      EXPECT_EQ(*put, io::DigestOf(LargeText()));
      EXPECT_EQ(BytesOf(key), LargeText());
      server_.ForgetFaults();
    }
  }
}

TEST_F(GcsFaults, AQuestionThatIsLostIsAskedAgain) {
  const auto from = folder_.Write("from", LargeText());
  server_.Fail(Fault::kCutRequest, kResume, 1);
  server_.Fail(Fault::kLost, kResume, 2);
  server_.Fail(Fault::kBusy, kResume, 2);
  ASSERT_TRUE(store_->PutFile("a/file", from, ForFiles()));
  EXPECT_EQ(BytesOf("a/file"), LargeText());
}

// What was kept before the connection broke is not sent a second time.
TEST_F(GcsFaults, AnUploadGoesOnWhereItWasCut) {
  GcsSettings settings = QuickGcsSettings();
  settings.sizes.chunk_bytes = 16u << 20;
  const auto store = OpenAt(server_, settings);
  const std::string text(8u << 20, 'x');
  server_.Fail(Fault::kCutRequest, kResume);
  ASSERT_TRUE(store->PutFile("a/file", folder_.Write("from", text), ForFiles()));
  EXPECT_EQ(BytesOf("a/file"), text);
  EXPECT_EQ(server_.CountOf(kResume), 3U);  // the half, the question, the other half
}

TEST_F(GcsFaults, AnUploadWhoseSessionIsLostBeginsAnew) {
  const auto from = folder_.Write("from", LargeText());
  int chunks = 0;
  server_.WhenAsked(kResume, [&chunks](StrictGcsBucket& b) {
    if (++chunks == 3) b.ForgetSessions();
  });
  ASSERT_TRUE(store_->PutFile("a/file", from, ForFiles()));
  EXPECT_EQ(BytesOf("a/file"), LargeText());
  EXPECT_EQ(server_.CountOf("uploadType=resumable&ifGenerationMatch"), 2U);
}

// ---- bytes that are others

TEST_F(GcsFaults, BytesThatWereAlteredOnTheirWayAreSentAgain) {
  const auto small = folder_.Write("small", std::string(1000, 's'));
  server_.Fail(Fault::kAlterInward, kUpload);
  ASSERT_TRUE(store_->PutFile("a/small", small, ForFiles()));
  EXPECT_EQ(BytesOf("a/small"), std::string(1000, 's'));
  server_.Fail(Fault::kAlterInward, kResume);
  ASSERT_TRUE(store_->PutFile("a/large", folder_.Write("large", LargeText()), ForFiles()));
  EXPECT_EQ(BytesOf("a/large"), LargeText());
}

TEST_F(GcsFaults, BytesThatAreAlteredAgainAndAgainAreNotStored) {
  server_.Fail(Fault::kAlterInward, kUpload, 100);
  const auto put =
      store_->PutFile("a/file", folder_.Write("from", std::string(1000, 'x')), ForFiles());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(BytesOf("a/file"), std::nullopt);
}

TEST_F(GcsFaults, BytesThatAreAlteredOnTheirWayHereAreReadAgain) {
  ASSERT_TRUE(store_->PutText("a/text", "text", ForFiles()));
  server_.Fail(Fault::kAlterOutward, "alt=media");
  EXPECT_EQ(store_->GetText("a/text", ForFiles()).value(), "text");
  server_.Fail(Fault::kAlterOutward, "alt=media");
  EXPECT_EQ(store_->GetFile("a/text", folder_ / "to", ForFiles()).value(), io::DigestOf("text"));
  EXPECT_EQ(folder_.Read("to"), "text");
  server_.Fail(Fault::kAlterOutward, "alt=media", 100);
  EXPECT_EQ(store_->GetText("a/text", ForFiles()).error().kind, ErrorKind::kTemporary);
  EXPECT_FALSE(store_->GetFile("a/text", folder_ / "other", ForFiles()));
  EXPECT_FALSE(io::fs::exists(folder_ / "other"));
}

TEST_F(GcsFaults, ADownloadGoesOnWhereItWasCut) {
  const std::string text = LargeText();
  ASSERT_TRUE(store_->PutFile("a/file", folder_.Write("from", text), ForFiles()));
  server_.Fail(Fault::kCutAnswer, "alt=media", 3);
  ASSERT_TRUE(store_->GetFile("a/file", folder_ / "to", ForFiles()));
  EXPECT_EQ(folder_.Read("to"), text);
  EXPECT_EQ(server_.CountOf("alt=media"), 4U);
}

TEST_F(GcsFaults, AValueThatIsReplacedWhileItIsReadIsReadWhole) {
  ASSERT_TRUE(store_->PutFile("a/file", folder_.Write("from", LargeText()), ForFiles()));
  const std::string other(500'000, 'o');
  server_.Fail(Fault::kCutAnswer, "alt=media");
  int reads = 0;
  server_.WhenAsked("alt=media", [&](StrictGcsBucket& b) {
    if (++reads == 2) b.Put("some/prefix/a/file", other);
  });
  EXPECT_EQ(store_->GetFile("a/file", folder_ / "to", ForFiles()).value(), io::DigestOf(other));
  EXPECT_EQ(folder_.Read("to"), other);
}

// ---- limits

TEST_F(GcsFaults, AStopInTheMiddleOfALongUploadEndsItWithinASecond) {
  const auto large = folder_.Write("large", std::string(8u << 20, 'l'));
  server_.Fail(Fault::kHang, kResume, 100);
  for (const bool by_descriptor : {false, true}) {
    const std::size_t before = server_.CountOf(kResume);
    std::stop_source stop;
    const io::Descriptor event(eventfd(0, EFD_CLOEXEC));
    io::Interrupt interrupt = ForFiles(stop.get_token());
    interrupt.stop_descriptor = event.get();
    std::chrono::steady_clock::time_point stopped;
    std::jthread stops([&] {
      while (server_.CountOf(kResume) == before) std::this_thread::sleep_for(Milliseconds(1));
      std::this_thread::sleep_for(Milliseconds(50));
      stopped = std::chrono::steady_clock::now();
      if (by_descriptor) {
        EXPECT_EQ(eventfd_write(event.get(), 1), 0);
      } else {
        stop.request_stop();
      }
    });
    const auto put = store_->PutFiles("a", folder_.path(), Keys{"large"}, interrupt);
    stops.join();
    EXPECT_LT(std::chrono::steady_clock::now() - stopped, std::chrono::seconds(5));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().kind, ErrorKind::kTemporary);
    EXPECT_EQ(BytesOf("a/large"), std::nullopt);
  }
}

TEST_F(GcsFaults, AServiceThatHangsIsLeftAtTheDeadline) {
  server_.Fail(Fault::kHang, "", 100);
  for (int call = 0; call < 3; ++call) {
    const auto begin = std::chrono::steady_clock::now();
    const io::Interrupt interrupt = io::Within(Milliseconds(100));
    const Error fault = call == 0   ? store_->GetText("a", interrupt).error()
                        : call == 1 ? store_->PutText("a", "x", interrupt).error()
                                    : store_->List("a", interrupt).error();
    EXPECT_EQ(fault.kind, ErrorKind::kTimedOut) << fault.message;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
}

TEST_F(GcsFaults, AFullDiskEndsADownloadAtOnce) {
  ASSERT_TRUE(store_->PutFile("a/file", folder_.Write("from", LargeText()), ForFiles()));
  io::fs::create_directory(folder_ / "disk");
  const io::SmallDisk disk(folder_ / "disk", "256k");
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount";
  const auto got = store_->GetFile("a/file", folder_ / "disk/file", ForFiles());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kTemporary);
  EXPECT_FALSE(io::fs::exists(folder_ / "disk/file"));
  EXPECT_EQ(server_.CountOf("alt=media"), 1U);  // no other try helps
}

// ---- what is refused

TEST_F(GcsFaults, ABucketThatIsNotThereIsNoEmptyPlace) {
  setenv("STORAGE_EMULATOR_HOST", server_.Place().c_str(), 1);
  const auto store = OpenGcsStore("gs://another", QuickGcsSettings()).value();
  unsetenv("STORAGE_EMULATOR_HOST");
  for (const Error& error :
       {store->GetText("a", ForFiles()).error(), store->List("", ForFiles()).error(),
        store->Digest("a", ForFiles()).error(), store->PutText("a", "x", ForFiles()).error()}) {
    EXPECT_EQ(error.kind, ErrorKind::kFailed);
    EXPECT_NE(error.message.find("gs://another"), std::string::npos) << error.message;
  }
}

TEST_F(GcsFaults, WhoIsNotLetInIsToldWhatToDo) {
  server_.AskFor("a token that we do not have");
  const auto text = store_->GetText("a", ForFiles());
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::kFailed);
  EXPECT_NE(text.error().message.find("credentials"), std::string::npos) << text.error().message;
}

// ---- how much is asked

// Each look at the network was one after the other: 300 files were 300 round trips.
TEST_F(GcsFaults, ManySmallFilesAreOneRequestEachAndManyAtOnce) {
  Keys files;
  for (int i = 0; i < 100; ++i) {
    files.push_back(std::to_string(i));
    folder_.Write("from/" + files.back(), "x");
  }
  server_.SetDelay(Milliseconds(20));
  const auto put = store_->PutFiles("a", folder_ / "from", files, ForFiles());
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(server_.requests().size(), 101U);  // a list, and each file
  EXPECT_GT(server_.at_once_most(), 4);
  EXPECT_LE(server_.connections(), 16);
  const std::size_t before = server_.requests().size();
  ASSERT_TRUE(store_->Verify("a", *put, ForFiles()));
  EXPECT_EQ(server_.requests().size(), before + 1);
  ASSERT_TRUE(store_->GetFiles("a", files, folder_ / "to", ForFiles()));
  EXPECT_EQ(server_.requests().size(), before + 102);  // a list, and each file
}

// An attempt that died while it saved was followed by one that sent all of it again, each file to
// be told that it is there, and then looked at.
TEST_F(GcsFaults, OfManyFilesThoseThatAreThereAreFoundByOneList) {
  Keys files;
  for (int i = 0; i < 100; ++i) {
    files.push_back(std::to_string(i));
    folder_.Write("from/" + files.back(), "x" + files.back());
  }
  const std::span<const std::string> half(files.data(), 50);
  ASSERT_TRUE(store_->PutFiles("a", folder_ / "from", half, ForFiles()));
  server_.WithBucket([](StrictGcsBucket& b) {
    b.Put("some/prefix/a/7", "another's");
    b.Damage("some/prefix/a/8");
    return 0;
  });
  const std::size_t before = server_.requests().size();
  const std::size_t sent = server_.CountOf(kUpload);
  ASSERT_TRUE(store_->PutFiles("a", folder_ / "from", files, ForFiles()));
  EXPECT_EQ(server_.CountOf(kUpload), sent + 52);
  EXPECT_EQ(server_.requests().size(), before + 1 + 52);
  for (const std::string& file : files) EXPECT_EQ(BytesOf("a/" + file), "x" + file);
  ASSERT_TRUE(store_->PutFiles("a", folder_ / "from", files, ForFiles()));
  EXPECT_EQ(server_.requests().size(), before + 1 + 52 + 1);
}

// busker fsck read one file after the other: a thousand were two thousand round trips in a row.
TEST_F(GcsFaults, AVersionIsReadManyFilesAtOnce) {
  Manifest version;
  version.name = {"churn", "1", "training", "20190801T000000Z"};
  const std::string below = "some/prefix/" + version.name.Key() + "/";
  server_.WithBucket([&](StrictGcsBucket& b) {
    for (int i = 0; i < 60; ++i) {
      b.Put(below + std::to_string(i), "x");
      version.files[std::to_string(i)] = io::DigestOf("x");
    }
    return 0;
  });
  server_.SetDelay(Milliseconds(20));
  EXPECT_TRUE(VerifyByReading(*store_, version, ForFiles()));
  EXPECT_GT(server_.at_once_most(), 4);
  server_.WithBucket([&](StrictGcsBucket& b) {
    b.Damage(below + "7");
    return 0;
  });
  const auto damaged = VerifyByReading(*store_, version, ForFiles());
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().kind, ErrorKind::kUnusable);
  EXPECT_NE(damaged.error().message.find("7 is not what was saved"), std::string::npos)
      << damaged.error().message;
}

// The list was a moment ago: what came since is not overwritten unseen, nor missed.
TEST_F(GcsFaults, WhatChangesBetweenTheListAndTheWriteIsLookedAtAgain) {
  Keys files;
  for (int i = 0; i < 20; ++i) {
    files.push_back(std::to_string(i));
    folder_.Write("from/" + files.back(), "ours");
  }
  server_.Before(kUpload, [](StrictGcsBucket& b) {
    for (int i = 0; i < 20; ++i) b.Put("some/prefix/a/" + std::to_string(i), "theirs");
  });
  ASSERT_TRUE(store_->PutFiles("a", folder_ / "from", files, ForFiles()));
  for (const std::string& file : files) EXPECT_EQ(BytesOf("a/" + file), "ours");
}

TEST_F(GcsFaults, WhatIsThereAlreadyIsNotSentAgain) {
  const auto from = folder_.Write("from", LargeText());
  ASSERT_TRUE(store_->PutFile("a/file", from, ForFiles()));
  const std::size_t before = server_.CountOf("/upload/");
  ASSERT_TRUE(store_->PutFile("a/file", from, ForFiles()));
  EXPECT_EQ(server_.CountOf("/upload/"), before);
  server_.WithBucket([](StrictGcsBucket& b) {
    b.Damage("some/prefix/a/file");
    return 0;
  });
  ASSERT_TRUE(store_->PutFile("a/file", from, ForFiles()));
  EXPECT_EQ(BytesOf("a/file"), LargeText());
}

TEST_F(GcsFaults, ObjectsOfOthersThatAreNoKeysAreNotListed) {
  server_.WithBucket([](StrictGcsBucket& b) {
    for (const char* name :
         {"some/prefix/a/", "some/prefix/a//b", "some/prefix/a/fine", "some/other"}) {
      b.Put(name, "x");
    }
    return 0;
  });
  EXPECT_EQ(store_->List("", ForFiles()).value(), Keys{"a/fine"});
}

}  // namespace
}  // namespace busker::artifact
