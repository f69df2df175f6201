// Small servers on the loopback interface, for tests only: one that talks HTTP, one that talks
// SMTP. Each connection has a thread; whoever hangs is let go when the server is destroyed.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace busker::io {

// The server's end of a connection.
class TestConnection {
 public:
  explicit TestConnection(int fd) : fd_(fd) {}

  // Up to and without the line end; what there is when the client hangs up.
  std::string ReadLine() {
    std::string line;
    for (char c = 0; c != '\n' && Read(&c, 1);) line += c;
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    return line;
  }
  std::string ReadBytes(std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t got = 0;
    while (got < count && !ended_) {
      const ssize_t some = recv(fd_, &bytes[got], count - got, 0);
      ended_ = some <= 0;
      if (some > 0) got += static_cast<std::size_t>(some);
    }
    bytes.resize(got);
    return bytes;
  }
  void Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  // Says nothing until the client hangs up or the server ends.
  void Hang() {
    char ignored = 0;
    while (Read(&ignored, 1)) {
    }
  }
  bool ended() const { return ended_; }
  int fd() const { return fd_; }

 private:
  bool Read(char* to, std::size_t count) {
    ended_ = ended_ || recv(fd_, to, count, 0) <= 0;
    return !ended_;
  }

  const int fd_;
  bool ended_ = false;
};

class TestServer {
 public:
  explicit TestServer(std::function<void(TestConnection&)> serve) : serve_(std::move(serve)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    CHECK(bind(listener_, generic, length) == 0 && listen(listener_, 64) == 0 &&
              getsockname(listener_, generic, &length) == 0,
          "a test can listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this](const std::stop_token& stop) { Accept(stop); });
  }
  // At a Unix socket, whose path is short.
  TestServer(const std::string& path, std::function<void(TestConnection&)> serve)
      : serve_(std::move(serve)) {
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CHECK(path.size() < sizeof address.sun_path, "a test's socket has a short path");
    path.copy(address.sun_path, path.size());
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
              listen(listener_, 64) == 0,
          "a test can listen");
    accepting_ = std::jthread([this](const std::stop_token& stop) { Accept(stop); });
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    accepting_.request_stop();
    shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    connections_.clear();  // joins
    for (const int fd : open_) close(fd);
  }

  std::string Place() const { return "127.0.0.1:" + std::to_string(port_); }
  int accepted() const { return accepted_; }  // connections so far

 private:
  void Accept(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      const std::lock_guard lock(mutex_);
      ++accepted_;
      open_.push_back(fd);
      connections_.emplace_back([this, fd] {
        TestConnection connection(fd);
        serve_(connection);
        shutdown(fd, SHUT_RDWR);
      });
    }
  }

  const std::function<void(TestConnection&)> serve_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::jthread> connections_;
  std::jthread accepting_;
};

// What was seen, and a way to wait for more of it.
template <typename Seen>
class TestJournal {
 public:
  void Add(Seen seen) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(std::move(seen));
    more_.notify_all();
  }
  std::vector<Seen> All() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  bool WaitFor(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, limit, [&] { return seen_.size() >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Seen> seen_;
};

struct TestHttpRequest {
  std::string method, target, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

// "200 OK" with a short body.
inline std::string TestAnswer(std::string_view status, std::string_view headers = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 3\r\nConnection: close\r\n" +
         std::string(headers) + "\r\nok\n";
}

// The next request of the connection, without its body; a method that is empty when none comes.
inline TestHttpRequest ReadTestHead(TestConnection& connection) {
  TestHttpRequest request;
  const auto first = Split(connection.ReadLine(), ' ');
  if (first.size() != 3) return request;
  request.target = first[1];
  for (std::string line = connection.ReadLine(); !line.empty(); line = connection.ReadLine()) {
    const std::size_t colon = line.find(':');
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(tolower(c));
    request.headers[name] = Trim(std::string_view(line).substr(colon + 1));
  }
  request.method = first[0];
  return request;
}

// All of it.
inline TestHttpRequest ReadTestRequest(TestConnection& connection) {
  TestHttpRequest request = ReadTestHead(connection);
  if (const auto length = request.headers.find("content-length"); length != request.headers.end()) {
    request.body = connection.ReadBytes(std::stoul(length->second));
  }
  if (request.headers.contains("transfer-encoding")) {
    for (;;) {
      const std::size_t size = std::stoul("0" + connection.ReadLine(), nullptr, 16);
      request.body += connection.ReadBytes(size);
      connection.ReadLine();
      if (size == 0 || connection.ended()) break;
    }
  }
  return request;
}

// Answers each request with what `answer` gives for it: all of the bytes; none at all: hangs up;
// "hang": never. Hangs up after the first of a connection, unless it is to keep it.
class TestHttpServer {
 public:
  using Answer = std::function<std::string(const TestHttpRequest&)>;
  explicit TestHttpServer(Answer answer, bool keeps = false)
      : answer_(std::move(answer)),
        keeps_(keeps),
        server_([this](TestConnection& c) { Serve(c); }) {}
  explicit TestHttpServer(const std::string& answer, bool keeps = false)
      : TestHttpServer([answer](const TestHttpRequest&) { return answer; }, keeps) {}

  std::string Url(std::string_view target = "/") const {
    return "http://" + server_.Place() + std::string(target);
  }
  std::string Place() const { return server_.Place(); }
  TestJournal<TestHttpRequest>& requests() { return requests_; }
  int connections() const { return server_.accepted(); }

 private:
  void Serve(TestConnection& connection) {
    do {
      const TestHttpRequest request = ReadTestRequest(connection);
      if (request.method.empty()) return;
      const std::string answer = answer_(request);
      requests_.Add(request);
      if (answer == "hang") return connection.Hang();
      if (answer.empty()) return;
      connection.Write(answer);
    } while (keeps_);
  }

  TestJournal<TestHttpRequest> requests_;
  const Answer answer_;
  const bool keeps_;
  TestServer server_;
};

struct TestMail {
  std::string from;
  std::vector<std::string> to;
  std::string login;  // the argument of AUTH PLAIN, in base64
  std::string data;   // with CRLF line ends and without the dots of SMTP
};

// Takes every mail, except for recipients that `refuse_recipient` names with its reply.
struct TestSmtpRules {
  bool offer_starttls = false;
  bool offer_login = false;
  std::string refuse_recipient = {};
  std::string refusal = {};  // "550 5.1.1 no such user"
};

class TestSmtpServer {
 public:
  using Rules = TestSmtpRules;
  explicit TestSmtpServer(Rules rules = {})
      : rules_(std::move(rules)), server_([this](TestConnection& c) { Serve(c); }) {}

  std::string Url() const { return "smtp://" + server_.Place(); }
  TestJournal<TestMail>& mails() { return mails_; }
  TestJournal<std::string>& commands() { return commands_; }

 private:
  void Serve(TestConnection& connection) {
    connection.Write("220 test ESMTP\r\n");
    TestMail mail;
    while (!connection.ended()) {
      const std::string line = connection.ReadLine();
      commands_.Add(line);
      connection.Write(Reply(line, mail, connection));
    }
  }

  std::string Reply(const std::string& line, TestMail& mail, TestConnection& connection) {
    if (line.starts_with("EHLO")) {
      return std::string("250-test\r\n") + (rules_.offer_starttls ? "250-STARTTLS\r\n" : "") +
             (rules_.offer_login ? "250-AUTH PLAIN\r\n" : "") + "250 SIZE 1000000\r\n";
    }
    if (line.starts_with("AUTH PLAIN")) {
      mail.login = line.size() > 11 ? line.substr(11) : "";
      if (mail.login.empty()) {
        connection.Write("334 \r\n");
        mail.login = connection.ReadLine();
      }
      return "235 2.7.0 welcome\r\n";
    }
    if (line.starts_with("MAIL FROM:")) mail.from = line.substr(10);
    if (line.starts_with("RCPT TO:")) {
      const std::string recipient = line.substr(8);
      if (!rules_.refuse_recipient.empty() && recipient == "<" + rules_.refuse_recipient + ">") {
        return rules_.refusal + "\r\n";
      }
      mail.to.push_back(recipient);
    }
    if (line == "DATA") {
      connection.Write("354 go on\r\n");
      for (std::string text = connection.ReadLine(); text != "." && !connection.ended();
           text = connection.ReadLine()) {
        mail.data += (text.starts_with('.') ? text.substr(1) : text) + "\r\n";
      }
      mails_.Add(std::exchange(mail, {}));
    }
    return line == "QUIT" ? "221 bye\r\n" : "250 fine\r\n";
  }

  const Rules rules_;
  TestJournal<TestMail> mails_;
  TestJournal<std::string> commands_;
  TestServer server_;
};

}  // namespace busker::io
