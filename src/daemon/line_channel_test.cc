#include "daemon/line_channel.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "io/test_folder.h"

namespace busker::daemon {
namespace {

constexpr Milliseconds kShort{50};
constexpr Milliseconds kLimit{10'000};

// Both ends of a connection over a socket in a temporary folder.
class LineChannelTest : public testing::Test {
 protected:
  LineChannelTest() : LineChannelTest("socket") {}
  explicit LineChannelTest(const io::fs::path& name)
      : socket_(folder_ / name), listening_((Make(), Listen(socket_).value())) {}

  void Make() const { io::fs::create_directories(socket_.parent_path()); }

  LineChannel Accept() {
    return LineChannel(io::Descriptor(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }

  io::TestFolder folder_;
  const io::fs::path socket_;
  io::Descriptor listening_;
};

TEST_F(LineChannelTest, CarriesLinesBothWays) {
  LineChannel client = LineChannel::Connect(socket_).value();
  LineChannel server = Accept();
  ASSERT_TRUE(client.Send("one", kLimit));
  ASSERT_TRUE(client.Send("", kLimit));
  ASSERT_TRUE(client.Send("three", kLimit));
  EXPECT_EQ(server.Receive(kLimit).value(), "one");
  EXPECT_EQ(server.Receive(kLimit).value(), "");
  ASSERT_TRUE(server.Send("answer", kLimit));
  EXPECT_EQ(client.Receive(std::nullopt).value(), "answer");
  EXPECT_EQ(server.Receive(kLimit).value(), "three");
}

// What its client had given up was carried out all the same, when the server came to it at last.
TEST_F(LineChannelTest, KnowsThatTheOtherSideHasGoneBeforeItsRequestIsCarriedOut) {
  auto client = std::make_optional(LineChannel::Connect(socket_).value());
  LineChannel server = Accept();
  ASSERT_TRUE(client->Send("start", kLimit));
  EXPECT_FALSE(server.IsClosed());
  client.reset();
  EXPECT_EQ(server.Receive(kLimit).value(), "start");
  EXPECT_TRUE(server.IsClosed());
}

TEST_F(LineChannelTest, IsForItsOwnerAlone) {
  struct stat info {};
  ASSERT_EQ(stat(socket_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

// The mask of all threads was changed for a moment, and the folders that others made meanwhile
// could not be entered.
TEST_F(LineChannelTest, DoesNotTouchWhatOtherThreadsMake) {
  std::atomic<bool> done = false;
  std::thread other([&] {
    for (int i = 0; !done; ++i) {
      const auto made = folder_ / std::to_string(i);
      mkdir(made.c_str(), 0700);
      struct stat info {};
      stat(made.c_str(), &info);
      ASSERT_EQ(info.st_mode & 0777, 0700U);
      io::fs::remove(made);
    }
  });
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(Listen(folder_ / "another"));
  done = true;
  other.join();
}

TEST_F(LineChannelTest, TakesThePlaceOfWhatAnEarlierProcessLeft) {
  listening_.Close();
  EXPECT_EQ(LineChannel::Connect(socket_).error().kind, ErrorKind::kNotFound);
  listening_ = Listen(socket_).value();
  EXPECT_TRUE(LineChannel::Connect(socket_));
  EXPECT_EQ(LineChannel::Connect(folder_ / "nothing").error().kind, ErrorKind::kNotFound);
}

TEST_F(LineChannelTest, NoticesThatTheOtherSideHasClosed) {
  LineChannel client = LineChannel::Connect(socket_).value();
  {
    LineChannel server = Accept();
    ASSERT_TRUE(server.Send("last", kLimit));
  }
  EXPECT_EQ(client.Receive(kLimit).value(), "last");
  EXPECT_EQ(client.Receive(kLimit).value(), std::nullopt);
  EXPECT_FALSE(client.Send("into the void", kLimit));
}

TEST_F(LineChannelTest, WaitsNoLongerThanItsLimitEvenWhenSomeOfALineComes) {
  LineChannel client = LineChannel::Connect(socket_).value();
  LineChannel server = Accept();
  std::atomic<bool> done = false;
  std::thread drip([&] {
    while (!done) {
      send(client.fd(), "x", 1, MSG_NOSIGNAL);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(server.Receive(Milliseconds(200)).error().kind, ErrorKind::kTimedOut);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  done = true;
  drip.join();
  const std::string much(8 << 20, 'x');
  EXPECT_EQ(server.Send(much, kShort).error().kind, ErrorKind::kTimedOut);
}

// More milliseconds than poll can count were no limit at all, or none of time.
TEST_F(LineChannelTest, TakesALimitOfMonths) {
  LineChannel client = LineChannel::Connect(socket_).value();
  LineChannel server = Accept();
  std::thread later([&] {
    pollfd nothing{server.fd(), POLLIN, 0};
    poll(&nothing, 1, 100);
    (void)server.Send("at last", kLimit);
  });
  EXPECT_EQ(client.Receive(std::chrono::hours(24 * 100)).value(), "at last");
  later.join();
}

// A backfill of ten thousand instants was answered, and the answer refused.
TEST_F(LineChannelTest, TakesLinesAsLongAsItIsTold) {
  LineChannel client = LineChannel::Connect(socket_).value();
  LineChannel server = Accept();
  const std::string longest(LineChannel::kRequestBytesMax, 'x');
  std::thread sender([&] {
    for (const auto& line : {longest, longest + "x", std::string(8 << 20, 'y')}) {
      (void)client.Send(line, kLimit);
    }
  });
  EXPECT_EQ(server.Receive(kLimit).value(), longest);
  EXPECT_EQ(server.Receive(kLimit).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(server.Receive(kLimit, 16 << 20).value()->size(), longest.size() + 1);
  EXPECT_EQ(server.Receive(kLimit, 16 << 20).value()->size(), 8U << 20);
  sender.join();
}

TEST_F(LineChannelTest, EndsTheWaitOfAnotherThread) {
  LineChannel client = LineChannel::Connect(socket_).value();
  LineChannel server = Accept();
  std::thread waits([&] { EXPECT_EQ(server.Receive(kLimit).value(), std::nullopt); });
  server.EndReceiving();
  waits.join();
}

class LongPath : public LineChannelTest {
 protected:
  LongPath()
      : LineChannelTest(io::fs::path(std::string(80, 'a')) / std::string(80, 'b') / "socket") {}
};

// A socket's address has 107 bytes.
TEST_F(LongPath, IsReachedAllTheSame) {
  ASSERT_GT(socket_.string().size(), 107U);
  LineChannel client = LineChannel::Connect(socket_).value();
  LineChannel server = Accept();
  ASSERT_TRUE(client.Send("hello", kLimit));
  EXPECT_EQ(server.Receive(kLimit).value(), "hello");
  EXPECT_EQ(LineChannel::Connect(socket_.string() + "2").error().kind, ErrorKind::kNotFound);
}

TEST(ErrorKinds, CrossTheSocketByName) {
  for (const ErrorKind kind : {ErrorKind::kFailed, ErrorKind::kInvalid, ErrorKind::kNotFound,
                               ErrorKind::kTimedOut, ErrorKind::kTemporary, ErrorKind::kUnusable}) {
    EXPECT_EQ(ParseErrorKind(NameOf(kind)), kind);
  }
  EXPECT_EQ(ParseErrorKind("of a newer busker"), ErrorKind::kFailed);
}

}  // namespace
}  // namespace busker::daemon
