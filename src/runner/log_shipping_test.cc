#include "runner/log_shipping.h"

#include <gtest/gtest.h>

#include <climits>
#include <string>
#include <vector>

#include "io/test_folder.h"

namespace busker::runner {
namespace {

class LogShipping : public testing::Test {
 protected:
  LogShipping()
      : store_(artifact::OpenStore("file://" + (folder_ / "store").string()).value()),
        shipper_(*store_, keys_, folder_ / "attempt") {
    io::fs::create_directory(folder_ / "attempt");
  }

  static io::Interrupt Soon() { return io::Within(Milliseconds(60'000)); }

  void Write(const std::string& text) {
    auto log = attempt::LogWriter::GoOn(folder_ / "attempt", kHead, kTail);
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_TRUE(log->Append(text));
  }
  std::vector<std::string> Parts() {
    std::vector<std::string> parts;
    const std::vector<std::string> keys = store_->List(keys_.log, Soon()).value();
    for (const std::string& key : keys) {
      parts.push_back(store_->GetText(key, Soon()).value());
    }
    return parts;
  }
  std::string Shipped() {
    std::string all;
    for (const std::string& part : Parts()) all += part;
    return all;
  }
  std::string Log() {
    std::string all;
    attempt::LogReader reader(folder_ / "attempt");
    EXPECT_TRUE(reader.ReadNew([&](std::string_view bytes) { all += bytes; }));
    return all;
  }

  static constexpr std::uint64_t kHead = 12 << 20, kTail = 1 << 20;
  io::TestFolder folder_;
  const std::unique_ptr<artifact::Store> store_;
  const attempt::RemoteKeys keys_{{"home", {"r", "t", 1}}};
  LogShipper shipper_;
};

TEST_F(LogShipping, SendsWhatIsNewAndNothingWhereNothingIs) {
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  EXPECT_TRUE(Parts().empty());
  Write("one\n");
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  Write("two\n");
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  EXPECT_EQ(Parts(), (std::vector<std::string>{"one\n", "two\n"}));
}

TEST_F(LogShipping, OfALongLogIsInPartsThatFit) {
  std::string text;
  for (int i = 0; text.size() < (10u << 20); ++i) text += "line " + std::to_string(i) + "\n";
  Write(text);
  ASSERT_TRUE(shipper_.ShipNew(Soon(), 1));
  EXPECT_EQ(Parts().size(), 1u) << "no more than it was asked for";
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  EXPECT_EQ(Parts().size(), 3u);
  for (const std::string& part : Parts()) EXPECT_LE(part.size(), attempt::kLogPartBytesMax);
  EXPECT_TRUE(Shipped() == text);
}

TEST_F(LogShipping, TellsWhatWasCut) {
  std::string text(kHead, 'a');
  for (int i = 0; i < 20; ++i) text += std::string(300'000, 'b') + "\n";
  Write(text);
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  EXPECT_NE(Shipped().find(" bytes cut ...]"), std::string::npos);
  EXPECT_TRUE(Shipped() == Log());
}

// The answer to a part was lost, and the carrier went on without knowing that it had come: the same
// part was then sent under the next number, and stood in the log twice.
TEST_F(LogShipping, OfAPartThatHadComeGoesOnWithTheNext) {
  Write("one\n");
  ASSERT_TRUE(store_->PutText(keys_.LogPart(0), "one\n", Soon()));
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  Write("two\n");
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  EXPECT_EQ(Shipped(), "one\ntwo\n");
}

TEST_F(LogShipping, GoesOnBehindWhatAnEarlierProcessHasShipped) {
  Write("one\ntwo\n");
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  Write("three\n");
  LogShipper next(*store_, keys_, folder_ / "attempt");
  ASSERT_TRUE(next.Resume(Soon()));
  ASSERT_TRUE(next.ShipNew(Soon(), INT_MAX));
  EXPECT_EQ(Parts(), (std::vector<std::string>{"one\ntwo\n", "three\n"}));
  LogShipper last(*store_, keys_, folder_ / "attempt");
  ASSERT_TRUE(last.Resume(Soon()));
  ASSERT_TRUE(last.ShipNew(Soon(), INT_MAX));
  EXPECT_EQ(Parts().size(), 2u);
}

TEST_F(LogShipping, ThatDidNotGoThroughIsTriedAgain) {
  Write("one\n");
  io::Interrupt late{io::SteadyInstant{}};
  EXPECT_EQ(shipper_.ShipNew(late, INT_MAX).error().kind, ErrorKind::kTimedOut);
  Write("two\n");
  ASSERT_TRUE(shipper_.ShipNew(Soon(), INT_MAX));
  EXPECT_EQ(Parts(), (std::vector<std::string>{"one\n", "two\n"}));
}

}  // namespace
}  // namespace busker::runner
