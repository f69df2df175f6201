// What is said to engines of several versions. Real ones: docker_executor_test.cc.
#include "execute/docker_engine.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>

#include "base/text.h"
#include "execute/test_engine.h"

namespace busker::execute {
namespace {

io::Interrupt Soon() { return io::Within(std::chrono::seconds(20)); }

std::string NoContainers(const io::TestHttpRequest&) { return Answer("200 OK", "[]"); }

std::vector<std::string> AskedOf(int min, int max) {
  EngineOf tested(min, max, NoContainers);
  const auto listed = tested.engine().List("a", "b", "c", Soon());
  EXPECT_TRUE(listed) << listed.error().message;
  std::vector<std::string> versions;
  for (const std::string& seen : tested.Seen()) {
    versions.push_back(seen.substr(4, seen.find('/', 5) - 4));
  }
  return versions;
}

// Docker 29 refuses versions before 1.44; Debian's Docker, and Podman, speak none after 1.41.
TEST(DockerEngine, SpeaksTheVersionThatBothKnow) {
  using Versions = std::vector<std::string>;
  EXPECT_EQ(AskedOf(12, 41), (Versions{"/_ping", "/v1.41"}));
  EXPECT_EQ(AskedOf(24, 43), (Versions{"/_ping", "/v1.43"}));
  EXPECT_EQ(AskedOf(44, 52), (Versions{"/_ping", "/v1.44"}));
  EXPECT_EQ(AskedOf(48, 60), (Versions{"/_ping", "/v1.44", "/v1.60"})) << "one of years to come";
}

TEST(DockerEngine, RefusesOneThatIsTooOldForUs) {
  EngineOf tested(12, 40, NoContainers);
  const auto listed = tested.engine().List("a", "b", "c", Soon());
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kUnusable);
  EXPECT_NE(listed.error().message.find("speaks version \"1.40\""), std::string::npos);
}

TEST(DockerEngine, AsksItsVersionOnceAndKeepsConnections) {
  EngineOf tested(12, 41, NoContainers);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(tested.engine().List("a", "b", "c", Soon()));
  EXPECT_EQ(tested.Seen().size(), 6u);
  EXPECT_FALSE(tested.engine().About(Soon())->is_podman);
  EngineOf podman(12, 41, NoContainers, "Libpod-Api-Version: 4.3.1\r\n");
  EXPECT_TRUE(podman.engine().About(Soon())->is_podman);
}

// Each wait that the bell had ended was taken for an engine that is away: its version was asked for
// once more before the container was removed, and who is not root asked /info for each attempt.
TEST(DockerEngine, RemembersAnEngineWhoseCallWasEndedHere) {
  EngineOf tested(12, 41, NoContainers);
  ASSERT_TRUE(tested.engine().List("a", "b", "c", Soon()));
  const io::Descriptor bell(eventfd(1, EFD_CLOEXEC));
  io::Interrupt interrupt = Soon();
  interrupt.stop_descriptor = bell.get();
  const auto waited = tested.engine().Wait("c", interrupt);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, ErrorKind::kTemporary);
  ASSERT_TRUE(tested.engine().List("a", "b", "c", Soon()));
  const auto seen = tested.Seen();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), "GET /_ping"), 1) << Join(seen, ", ");
}

TEST(DockerEngine, ForgetsTheVersionOfAnEngineThatWentAway) {
  const io::TestFolder folder;
  DockerEngine engine(folder / "s");
  const auto serve = [](int version) {
    return [version](io::TestConnection& connection) {
      for (;;) {
        const io::TestHttpRequest request = io::ReadTestRequest(connection);
        if (request.method.empty()) return;
        const bool good = request.target == "/_ping" ||
                          request.target.starts_with(fmt::format("/v1.{}/", version));
        connection.Write(Answer(good ? "200 OK" : "400 Bad Request", "[]",
                                fmt::format("Api-Version: 1.{}\r\n", version)));
      }
    };
  };
  {
    io::TestServer older((folder / "s").string(), serve(41));
    EXPECT_TRUE(engine.List("a", "b", "c", Soon()));
  }
  EXPECT_FALSE(engine.List("a", "b", "c", Soon()));
  io::fs::remove(folder / "s");
  io::TestServer newer((folder / "s").string(), serve(43));
  const auto listed = engine.List("a", "b", "c", Soon());
  EXPECT_TRUE(listed) << listed.error().message;
}

TEST(DockerEngine, KeepsApartWhatPassesAndWhatDoesNot) {
  std::string status, body;
  EngineOf tested(12, 41, [&](const io::TestHttpRequest&) { return Answer(status, body); });
  const auto kind = [&](const std::string& is, const std::string& words) {
    status = is;
    body = R"({"message":")" + words + "\"}";
    const auto started = tested.engine().Start("c", Soon());
    return started ? ErrorKind() : started.error().kind;
  };
  EXPECT_EQ(kind("500 Internal Server Error", "the disk is full"), ErrorKind::kTemporary);
  EXPECT_EQ(kind("409 Conflict", "removal is in progress"), ErrorKind::kTemporary);
  EXPECT_EQ(kind("400 Bad Request", "no such command"), ErrorKind::kInvalid);
  // A machine without a GPU is told as a fault of the engine's own.
  EXPECT_EQ(kind("500 Internal Server Error", "could not select device driver \\\"\\\""),
            ErrorKind::kInvalid);
  status = "304 Not Modified";
  body.clear();
  EXPECT_TRUE(tested.engine().Start("c", Soon())) << "it runs already";
}

// The root of a rootless engine's containers is the user: with the user's own id inside, nothing of
// the attempt could be written.
TEST(DockerEngine, KnowsThatAnEngineIsRootless) {
  std::string info = R"({"SecurityOptions":["name=seccomp,profile=builtin","name=rootless"]})";
  const auto answer = [&](const io::TestHttpRequest&) { return Answer("200 OK", info); };
  EngineOf rootless(12, 41, answer);
  EXPECT_TRUE(rootless.engine().IsRootless(Soon()).value());
  info = R"({"SecurityOptions":["name=seccomp,profile=builtin"]})";
  EXPECT_TRUE(rootless.engine().IsRootless(Soon()).value()) << "it is asked once";
  EngineOf usual(12, 41, answer);
  EXPECT_FALSE(usual.engine().IsRootless(Soon()).value());
  info = "{}";
  EngineOf silent(12, 41, answer);
  EXPECT_FALSE(silent.engine().IsRootless(Soon()).value());
}

// A container that is listed for a label that it does not have was removed.
TEST(DockerEngine, LooksAgainAtWhatAnEngineFilters) {
  EngineOf tested(12, 41, [](const io::TestHttpRequest&) {
    return Answer("200 OK", R"([{"Id":"1","Labels":{"a":"b","c":"d"}},{"Id":"2","Labels":{"a":"x"}},
                               {"Id":"3","Labels":null},{"Id":"4"},{"Id":"5","Labels":{"a":"b"}}])");
  });
  const auto listed = tested.engine().List("a", "b", "c", Soon());
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->at(0).id + listed->at(0).value, "1d");
  EXPECT_EQ(listed->at(1).id + listed->at(1).value, "5");
}

TEST(DockerEngine, FetchesAnImageWithCredentialsAndTellsHowFarItIs) {
  std::string login, last = R"({"status":"Pull complete","id":"aa"})";
  EngineOf tested(12, 41, [&](const io::TestHttpRequest& request) {
    login =
        request.headers.contains("x-registry-auth") ? request.headers.at("x-registry-auth") : "";
    return Answer("200 OK", R"({"status":"Downloading","id":"aa","progressDetail":)"
                            R"({"current":5000000,"total":9000000}})"
                            "\n" +
                                last);
  });
  std::string told;
  const auto tell = [&](const PullProgress& progress) { told = progress.Text(); };
  EXPECT_TRUE(
      tested.engine().Pull(image::ParseReference("r.example/churn").value(), "e30=", tell, Soon()));
  EXPECT_EQ(login, "e30=");
  EXPECT_EQ(told, "0 of 1 layers, 5 of 9 MB");
  EXPECT_EQ(tested.Seen().back(),
            "POST /v1.41/images/create?fromImage=r.example%2Fchurn&tag=latest");
  last = R"({"error":"unauthorized: authentication required"})";
  const auto refused =
      tested.engine().Pull(image::ParseReference("r.example/churn:1").value(), "", tell, Soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(login, "");
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(refused.error().message,
            "the image r.example/churn:1 cannot be fetched: unauthorized: authentication required");
  last = R"({"error":"connection reset by peer"})";
  EXPECT_EQ(tested.engine()
                .Pull(image::ParseReference("r.example/churn:1").value(), "", tell, Soon())
                .error()
                .kind,
            ErrorKind::kTemporary);
}

}  // namespace
}  // namespace busker::execute
