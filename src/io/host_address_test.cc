#include "io/host_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

#include "base/check.h"
#include "io/test_server.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;

HostAddress Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  HostAddress host;
  std::memcpy(&host.storage, &address, sizeof address);
  host.size_bytes = sizeof address;
  return host;
}

// A port where nothing listens, one where nobody answers, or one where connections are taken.
class Port {
 public:
  explicit Port(int backlog) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    HostAddress any = Loopback(0);
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    CHECK(bind(socket_.get(), any.get(), any.size_bytes) == 0 &&
              getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound), &size) == 0 &&
              (backlog < 0 || listen(socket_.get(), backlog) == 0),
          "a test can listen");
    address_ = Loopback(ntohs(bound.sin_port));
  }
  // Takes what there is room for: who comes later is not answered.
  void Fill() {
    for (int i = 0; i < 4; ++i) {
      waiting_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      connect(waiting_.back().get(), address_.get(), address_.size_bytes);
    }
  }
  const HostAddress& address() const { return address_; }

 private:
  Descriptor socket_;
  HostAddress address_;
  std::vector<Descriptor> waiting_;
};

TEST(ConnectToHost, AnAddressThatDoesNotAnswerHoldsUpTheNextForAMoment) {
  Port silent(0);
  silent.Fill();
  const Port good(8);
  Waiter waiter(Within(20s));
  const auto connected = ConnectToHost({silent.address(), good.address()}, waiter);
  ASSERT_TRUE(connected) << connected.error().message;
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  ASSERT_EQ(getpeername(connected->get(), reinterpret_cast<sockaddr*>(&peer), &size), 0);
  EXPECT_EQ(std::memcmp(&peer, good.address().get(), sizeof peer), 0);
}

TEST(ConnectToHost, AnAddressThatSaysNoIsFollowedByTheNext) {
  const Port closed(-1), good(8);
  Waiter waiter(Within(20s));
  EXPECT_TRUE(ConnectToHost({closed.address(), closed.address(), good.address()}, waiter));
  const auto none = ConnectToHost({closed.address(), closed.address()}, waiter);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kTemporary);
  EXPECT_NE(none.error().message.find("refused"), std::string::npos) << none.error().message;
}

TEST(ConnectToHost, WhenNoneAnswersTheDeadlineEndsIt) {
  Port silent(0);
  silent.Fill();
  Waiter waiter(Within(300ms));
  const auto none = ConnectToHost({silent.address(), silent.address()}, waiter);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kTimedOut) << none.error().message;
}

TEST(FindHost, ANameOfThisMachineIsWithinReach) {
  Waiter waiter(Within(20s));
  const auto found = FindHost("localhost", 80, Reach::kLoopback, waiter);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->empty());
  EXPECT_EQ(FindHost("192.0.2.1", 80, Reach::kLoopback, waiter).error().kind, ErrorKind::kInvalid);
}

TEST(FindHost, ANameThatIsNoneIsTemporary) {
  Waiter waiter(Within(60s));
  const auto found = FindHost("no such host", 80, Reach::kAll, waiter);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kTemporary) << found.error().message;
}

}  // namespace
}  // namespace busker::io
