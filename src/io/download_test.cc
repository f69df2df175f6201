#include "io/download.h"

#include <gtest/gtest.h>

#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;

class DownloadTest : public testing::Test {
 protected:
  DownloadTest() { setenv("no_proxy", "*", 1); }

  Result<FileDigest> Fetch(const std::string& answer, const std::string& sha256 = {}) {
    TestHttpServer server(answer);
    HttpSession http;
    HttpRequest request;
    request.url = server.Url();
    return Download(http, request, folder_ / "file", sha256, Within(20s));
  }
  std::size_t Files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

  const TestFolder folder_;
};

TEST_F(DownloadTest, LeavesTheWholeFileInPlaceOfTheOld) {
  folder_.Write("file", "old");
  const auto fetched =
      Fetch("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Sha256Of("hello"));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->size_bytes, 5U);
  EXPECT_EQ(fetched->sha256, Sha256Of("hello"));
  EXPECT_EQ(folder_.Read("file"), "hello");
  EXPECT_EQ(Files(), 1U);
}

TEST_F(DownloadTest, LeavesTheOldFileWhenTheNewOneIsNotWhatItShouldBe) {
  folder_.Write("file", "old");
  struct Case {
    std::string answer;
    ErrorKind kind;
  };
  for (const Case& one :
       {Case{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo", ErrorKind::kFailed},
        Case{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", ErrorKind::kTemporary},
        Case{TestAnswer("404 Not Found"), ErrorKind::kNotFound},
        Case{TestAnswer("503 Later"), ErrorKind::kTemporary},
        Case{TestAnswer("403 Forbidden"), ErrorKind::kFailed},
        Case{TestAnswer("302 There", "Location: /x\r\n"), ErrorKind::kFailed}}) {
    const auto fetched = Fetch(one.answer, Sha256Of("hello"));
    ASSERT_FALSE(fetched) << one.answer;
    EXPECT_EQ(fetched.error().kind, one.kind) << fetched.error().message;
    EXPECT_EQ(folder_.Read("file"), "old");
    EXPECT_EQ(Files(), 1U) << "something was left behind";
  }
}

}  // namespace
}  // namespace busker::io
