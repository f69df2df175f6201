// An engine that a test makes up, behind a Unix socket. For tests only.
#pragma once

#include <fmt/core.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "execute/docker_engine.h"
#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::execute {

inline std::string Answer(const std::string& status, const std::string& body,
                          const std::string& headers = "") {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers,
                     body);
}

// An engine that speaks the versions 1.MIN to 1.MAX, as Docker's do, and hands on the rest.
class EngineOf {
 public:
  using Handle = std::function<std::string(const io::TestHttpRequest&)>;
  EngineOf(int min, int max, Handle handle, const std::string& headers = "")
      : min_(min), max_(max), headers_(headers), handle_(std::move(handle)) {}

  std::vector<std::string> Seen() { return seen_.All(); }
  DockerEngine& engine() { return engine_; }
  io::fs::path socket() const { return folder_ / "s"; }

 private:
  void Serve(io::TestConnection& connection) {
    for (;;) {
      const io::TestHttpRequest request = io::ReadTestRequest(connection);
      if (request.method.empty()) return;
      seen_.Add(request.method + " " + request.target);
      connection.Write(AnswerTo(request));
    }
  }
  std::string AnswerTo(const io::TestHttpRequest& request) {
    if (request.target == "/_ping") {
      return Answer("200 OK", "OK", fmt::format("Api-Version: 1.{}\r\n{}", max_, headers_));
    }
    const int version = std::atoi(request.target.substr(std::string("/v1.").size()).c_str());
    if (version >= min_ && version <= max_) return handle_(request);
    return Answer(
        "400 Bad Request",
        fmt::format(R"({{"message":"client version 1.{} is too {}. Minimum supported API )"
                    R"(version is 1.{}, please upgrade your client"}})",
                    version, version < min_ ? "old" : "new", min_));
  }

  const int min_, max_;
  const std::string headers_;
  const Handle handle_;
  const io::TestFolder folder_;
  io::TestJournal<std::string> seen_;
  io::TestServer server_{(folder_ / "s").string(), [this](io::TestConnection& c) { Serve(c); }};
  DockerEngine engine_{folder_ / "s"};
};

}  // namespace busker::execute
