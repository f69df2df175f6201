#include "cloud/google_error.h"

#include <gtest/gtest.h>

namespace busker::cloud {
namespace {

Error Of(int status, const std::string& body = "") {
  return GoogleError({status, {}, body, false, ""}, "https://storage.googleapis.com");
}

TEST(GoogleError, HasTheKindOfItsStatus) {
  EXPECT_EQ(Of(404).kind, ErrorKind::kNotFound);
  for (const int status : {400, 401, 403, 409, 412, 413}) {
    EXPECT_EQ(Of(status).kind, ErrorKind::kFailed) << status;
  }
  for (const int status : {408, 429, 500, 503}) {
    EXPECT_EQ(Of(status).kind, ErrorKind::kTemporary) << status;
  }
}

TEST(GoogleError, TellsWhatTheServerSaysAndWhatToDo) {
  EXPECT_EQ(
      Of(403, R"({"error": {"code": 403, "message": "ann lacks storage.objects.get."}})").message,
      "https://storage.googleapis.com answered 403: ann lacks storage.objects.get; whoever the "
      "credentials are of has to be given that permission");
  EXPECT_EQ(Of(503).message, "https://storage.googleapis.com answered 503");
  EXPECT_NE(Of(401).message.find("the credentials are not taken"), std::string::npos);
  EXPECT_NE(Of(403, R"({"error": {"message": "The API requires a quota project."}})")
                .message.find("set-quota-project"),
            std::string::npos);
}

TEST(GoogleError, ReadsWhatTokenServersSay) {
  EXPECT_EQ(GoogleMessage(R"({"error": "invalid_grant", "error_description": "Bad key"})"),
            "Bad key");
  EXPECT_EQ(GoogleMessage(R"({"error": "invalid_grant"})"), "invalid_grant");
}

TEST(GoogleError, OfABodyThatIsNoneIsNothing) {
  for (const char* body : {"", "<html>", "[1]", "{}", R"({"error": 7})", R"({"error": {}})",
                           R"({"error": {"message": 7}})", "\xff"}) {
    EXPECT_EQ(GoogleMessage(body), "") << body;
  }
  EXPECT_EQ(GoogleMessage(R"({"error": {"message": "a\u001b[2Jb"}})"), "a\\x1b[2Jb");
  EXPECT_LE(GoogleMessage(R"({"error": ")" + std::string(10'000, 'x') + "\"}").size(), 500U);
}

}  // namespace
}  // namespace busker::cloud
