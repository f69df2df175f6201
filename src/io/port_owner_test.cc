#include "io/port_owner.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/file.h"

namespace busker::io {
namespace {

// A port that was taken was told without who has it, and people looked for that for an hour.
TEST(PortOwner, IsTheProcessThatListensThereAndNobodyElse) {
  const Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listener.get(), generic, length), 0);
  ASSERT_EQ(getsockname(listener.get(), generic, &length), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  EXPECT_EQ(WhoListens(port), "") << "it is bound and does not listen yet";
  ASSERT_EQ(listen(listener.get(), 1), 0);
  const std::string process = "process " + std::to_string(getpid()) + ", ";
  EXPECT_EQ(WhoListens(port).substr(0, process.size()), process);
}

}  // namespace
}  // namespace busker::io
