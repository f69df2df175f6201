#include "cloud/google_client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "io/test_server.h"

namespace busker::cloud {
namespace {

constexpr RetryPolicy kQuick{Milliseconds(2), Milliseconds(10), Milliseconds(20'000)};

std::string Answer(const std::string& status, const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: 2\r\n\r\nok";
}

// Answers with these, one after the other; the last again and again.
class Answers {
 public:
  explicit Answers(std::vector<std::string> answers)
      : answers_(std::move(answers)),
        server_(
            [this](const io::TestHttpRequest&) {
              const auto i = static_cast<std::size_t>(count_++);
              return answers_[std::min(i, answers_.size() - 1)];
            },
            true) {}

  Result<GoogleClient::Answer> Send(GoogleClient& client, const io::Interrupt& interrupt) {
    io::HttpRequest request;
    request.method = "POST";
    request.url = server_.Url("/x");
    request.body = "body";
    return client.Send(request, interrupt);
  }
  Result<GoogleClient::Answer> Send() {
    GoogleClient client(std::make_unique<Credentials>(), kQuick);
    return Send(client, io::Within(Milliseconds(60'000)));
  }
  int count() const { return count_; }
  io::TestHttpServer& server() { return server_; }

 private:
  const std::vector<std::string> answers_;
  std::atomic<int> count_ = 0;
  io::TestHttpServer server_;
};

TEST(GoogleClient, TriesAgainWhatMayPassAndSaysThatItDid) {
  for (const char* first : {"408 x", "429 x", "500 x", "503 x"}) {
    Answers answers({Answer(first), Answer("200 OK")});
    const auto answer = answers.Send();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->response.status, 200);
    EXPECT_TRUE(answer->is_doubtful);
    EXPECT_EQ(answers.count(), 2);
  }
}

TEST(GoogleClient, TriesAgainWhenAnAnswerIsLost) {
  Answers answers({"", Answer("200 OK")});
  const auto answer = answers.Send();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->is_doubtful);
  EXPECT_EQ(answers.server().requests().All().back().body, "body");
}

TEST(GoogleClient, TakesEveryOtherAnswerAtOnce) {
  for (const char* status : {"200 OK", "308 x", "400 x", "403 x", "404 x", "412 x"}) {
    Answers answers({Answer(status)});
    const auto answer = answers.Send();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_FALSE(answer->is_doubtful);
    EXPECT_EQ(answers.count(), 1) << status;
  }
}

TEST(GoogleClient, WaitsAsLongAsTheServerAsks) {
  Answers answers({Answer("503 x", "Retry-After: 1\r\n"), Answer("200 OK")});
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(answers.Send());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(GoogleClient, EndsWithItsDeadlineAndTellsTheLastFault) {
  Answers answers({Answer("503 x")});
  GoogleClient client(std::make_unique<Credentials>(), kQuick);
  const auto answer = answers.Send(client, io::Within(Milliseconds(2'000)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kTimedOut);
  EXPECT_NE(answer.error().message.find("answered 503"), std::string::npos)
      << answer.error().message;
  EXPECT_GT(answers.count(), 2);
}

TEST(GoogleClient, ReplacesATokenThatIsNotTakenOnce) {
  std::atomic<int> count = 0;
  const auto source = [&](const io::Interrupt&) -> Result<BearerToken> {
    return BearerToken{std::to_string(++count),
                       std::chrono::steady_clock::now() + std::chrono::hours(1)};
  };
  GoogleClient client(std::make_unique<Credentials>(source), kQuick);
  Answers once({Answer("401 x"), Answer("200 OK")});
  EXPECT_EQ(once.Send(client, io::Within(Milliseconds(60'000)))->response.status, 200);
  const auto seen = once.server().requests().All();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].headers.at("authorization"), "Bearer 1");
  EXPECT_EQ(seen[1].headers.at("authorization"), "Bearer 2");
  Answers never({Answer("401 x")});
  EXPECT_EQ(never.Send(client, io::Within(Milliseconds(60'000)))->response.status, 401);
  EXPECT_EQ(never.count(), 2);
}

}  // namespace
}  // namespace busker::cloud
