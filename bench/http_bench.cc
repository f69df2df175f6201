// How quick io::HttpSession is beside curl(1), which keeps its connection, too, but sets up each
// transfer anew, against a server on loopback that does next to nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "io/http_session.h"
#include "io/subprocess.h"

namespace {

using namespace busker;
using Seconds = std::chrono::duration<double>;

constexpr int kRounds = 5;
constexpr int kRequests = 5000;
constexpr std::size_t kLargeBytes = 512u << 20;

// Answers /large with kLargeBytes, and anything else with three bytes; one thread a connection.
class Server {
 public:
  Server() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    CHECK(bind(listener_.get(), generic, size) == 0 && listen(listener_.get(), 16) == 0 &&
              getsockname(listener_.get(), generic, &size) == 0,
          "a benchmark can listen");
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    accepting_ = std::thread([this] {
      for (;;) {
        io::Descriptor connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection.valid()) return;
        std::thread([taken = std::move(connection)] { Serve(taken.get()); }).detach();
      }
    });
  }
  ~Server() {
    shutdown(listener_.get(), SHUT_RDWR);
    accepting_.join();
  }
  const std::string& url() const { return url_; }

 private:
  static void Serve(int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::string small = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kLargeBytes) + "\r\n\r\n";
    const std::string block(1 << 20, 'x');
    char request[4096];
    for (;;) {
      const ssize_t got = recv(fd, request, sizeof request, 0);  // small enough to come whole
      if (got <= 0) return;
      const bool large =
          std::string_view(request, static_cast<std::size_t>(got)).starts_with("GET /large");
      const std::string& begin = large ? head : small;
      if (send(fd, begin.data(), begin.size(), MSG_NOSIGNAL) <= 0) return;
      for (std::size_t left = large ? kLargeBytes : 0; left > 0;) {
        const ssize_t sent = send(fd, block.data(), std::min(left, block.size()), MSG_NOSIGNAL);
        if (sent <= 0) return;
        left -= static_cast<std::size_t>(sent);
      }
    }
  }

  const io::Descriptor listener_;
  std::string url_;
  std::thread accepting_;
};

template <typename Work>
double MedianSeconds(Work&& work) {
  std::vector<double> took;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    took.push_back(Seconds(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(took.begin(), took.end());
  return took[kRounds / 2];
}

void Get(io::HttpSession& http, const std::string& url) {
  io::HttpRequest request;
  request.url = url;
  std::size_t bytes = 0;
  request.sink = [&](std::string_view part) -> Result<void> {
    bytes += part.size();
    return {};
  };
  const auto response = http.Send(request, io::Within(std::chrono::minutes(5)));
  CHECK(response && response->status == 200 && bytes > 0, "the server answers");
}

void Curl(const std::string& url) {
  const auto ran = io::RunAndCapture(
      {{"curl", "--silent", "--fail", "--output", "/dev/null", url}, io::OwnEnvironment(), {}},
      std::chrono::minutes(5));
  CHECK(ran && ran->exit_code == 0, "curl works");
}

}  // namespace

int main() {
  setenv("no_proxy", "*", 1);
  const Server server;
  io::HttpSession http;
  const double ours = MedianSeconds([&] {
    for (int i = 0; i < kRequests; ++i) Get(http, server.url() + "/" + std::to_string(i));
  });
  const double curls =
      MedianSeconds([&] { Curl(server.url() + "/[1-" + std::to_string(kRequests) + "]"); });
  const double ours_large = MedianSeconds([&] { Get(http, server.url() + "/large"); });
  const double curls_large = MedianSeconds([&] { Curl(server.url() + "/large"); });
  const double megabytes = static_cast<double>(kLargeBytes) / 1e6;
  std::printf("%d small requests, one after the other, medians of %d rounds\n", kRequests, kRounds);
  std::printf("  HttpSession  %8.0f requests/s\n", kRequests / ours);
  std::printf("  curl         %8.0f requests/s   (x%.2f)\n", kRequests / curls, curls / ours);
  std::printf("one answer of %.0f MB\n", megabytes);
  std::printf("  HttpSession  %8.0f MB/s\n", megabytes / ours_large);
  std::printf("  curl         %8.0f MB/s         (x%.2f)\n", megabytes / curls_large,
              curls_large / ours_large);
  return 0;
}
