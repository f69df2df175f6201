// online_floor MODEL
//
// The least that an answer over HTTP costs: one thread, epoll, connections that are kept, and
// nothing checked. A request is a head with a Content-Length and a body whose numbers, in the order
// they come, are the inputs of one row; the trees are Busker's. It prints the port that it has, and
// answers until it is ended. For bench/online_bench.py.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "measure.h"
#include "predict/model.h"

namespace {

using busker::predict::Model;

int Listen() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  CHECK(bind(listener, any, size) == 0 && listen(listener, 1024) == 0 &&
            getsockname(listener, any, &size) == 0,
        "a port of this machine is free");
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

// What follows a colon is a value: {"instances": [{"feature_0": 1.5, ...}]}.
void ReadRow(std::string_view body, std::vector<float>& row) {
  std::size_t at = body.find('{', 1);
  for (float& value : row) {
    at = body.find(':', at) + 1;
    while (body[at] == ' ') ++at;
    double number = 0;
    std::from_chars(body.data() + at, body.data() + body.size(), number);
    value = static_cast<float>(number);
  }
}

std::string Answer(const Model& model, std::string_view body) {
  thread_local std::vector<float> row;
  row.resize(model.columns());
  ReadRow(body, row);
  float answer = 0;
  model.Predict(row, {&answer, 1});
  char text[200], number[40];
  const auto end = std::to_chars(number, number + sizeof number, answer).ptr;
  const std::string content = "{\"predictions\": [" + std::string(number, end) + "]}\n";
  const int head = std::snprintf(text, sizeof text,
                                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n",
                                 content.size());
  return std::string(text, static_cast<std::size_t>(head)) + content;
}

// How long the request is that `bytes` begins with; 0: it is not all there.
std::size_t RequestSize(std::string_view bytes, std::size_t& head) {
  constexpr std::string_view kLength = "Content-Length: ";
  head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  head += 4;
  const std::size_t length = bytes.find(kLength);
  const std::size_t size =
      head + static_cast<std::size_t>(std::atoi(bytes.data() + length + kLength.size()));
  return size <= bytes.size() ? size : 0;
}

// False: the connection has ended.
bool Serve(const Model& model, int connection, std::string& unanswered) {
  char bytes[16384];
  const ssize_t count = read(connection, bytes, sizeof bytes);
  if (count <= 0) return false;
  unanswered.append(bytes, static_cast<std::size_t>(count));
  std::size_t head = 0;
  while (const std::size_t size = RequestSize(unanswered, head)) {
    const std::string answer =
        Answer(model, std::string_view(unanswered).substr(head, size - head));
    if (write(connection, answer.data(), answer.size()) < 0) return false;
    unanswered.erase(0, size);
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  CHECK(count == 2, "online_floor MODEL");
  const auto model = busker::bench::Must(busker::predict::LoadModel(arguments[1]));
  const int listener = Listen(), events = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [events](int file) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = file;
    CHECK(epoll_ctl(events, EPOLL_CTL_ADD, file, &event) == 0, "what is open can be watched");
  };
  watch(listener);
  std::unordered_map<int, std::string> unanswered;  // by connection
  for (epoll_event came[64];;) {
    const int ready = epoll_wait(events, came, 64, -1);
    for (int i = 0; i < ready; ++i) {
      const int file = came[i].data.fd;
      if (file == listener) {
        const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        const int yes = 1;
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(connection);
      } else if (!Serve(*model, file, unanswered[file])) {
        unanswered.erase(file);
        close(file);
      }
    }
  }
}
