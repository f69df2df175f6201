#include "cloud/google_error.h"

#include <fmt/core.h>
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
}

// Of most of these it was said that whoever the credentials are of has to be given that permission.
TEST(GoogleError, TellsWhatKeepsAProjectFromItsServicesApart) {
  struct Case {
    int status;
    const char *reason, *message, *told;
  };
  const Case cases[] = {
      {403, "forbidden", "The storage API requires a quota project, which is not set by default.",
       "set-quota-project"},
      {403, "USER_PROJECT_DENIED", "Caller does not have required permission to use project shop.",
       "roles/serviceusage.serviceUsageConsumer"},
      {400, "required", "Bucket is a requester pays bucket but no user project provided.",
       "GOOGLE_CLOUD_QUOTA_PROJECT"},
      {403, "accessNotConfigured", "Cloud Logging API has not been used in project 12 before.",
       "gcloud services enable"},
      {403, "SERVICE_DISABLED", "It is disabled.", "gcloud services enable"},
      {403, "accountDisabled",
       "The billing account for the owning project is disabled in state closed",
       "gcloud billing projects link"},
      {403, "UserProjectAccountProblem",
       "The project to be billed is associated with an absent billing account.",
       "gcloud billing projects link"},
      {403, "BILLING_DISABLED", "This API method requires billing to be enabled.",
       "gcloud billing projects link"},
      {403, "vpcServiceControls", "Request is prohibited by organization's policy.", "perimeter"},
      {412, "conditionNotMet",
       "Constraint constraints/compute.vmExternalIpAccess violated for project 12.",
       "public_ip = false"},
      {412, "conditionNotMet", "Constraint constraints/compute.requireShieldedVm violated.",
       "a policy of the organisation"},
      {403, "insufficientPermissions", "Request had insufficient authentication scopes.",
       "scope cloud-platform"},
      {403, "retentionPolicyNotMet",
       "Object 'shop/1/live.json' is subject to bucket's retention policy and cannot be deleted or "
       "overwritten until 2026-12-24",
       "a bucket without holds"},
      {403, "objectUnderActiveHold", "Object 'a' is under active Temporary hold.", "holds"},
      {403, "forbidden",
       "Permission denied on Cloud KMS key. Please ensure that your Cloud Storage service account "
       "has been authorized to use this key.",
       "--authorize-cmek"},
      {400, "cloudKmsDisabledKey", "The Cloud KMS key is disabled.", "enabled"},
      {403, "CONSUMER_INVALID", "Permission denied on resource project shpo.",
       "the id of a project"},
      {403, "forbidden", "ann does not have storage.objects.list access.", "given that permission"},
      {401, "authError", "Invalid Credentials", "clock"},
  };
  for (const Case& one : cases) {
    const std::string body = fmt::format(
        R"({{"error": {{"code": {}, "message": "{}", "errors": [{{"reason": "{}"}}]}}}})",
        one.status, one.message, one.reason);
    const Error error = Of(one.status, body);
    EXPECT_EQ(error.kind, ErrorKind::kFailed) << one.reason;
    EXPECT_NE(error.message.find(one.told), std::string::npos) << error.message;
    EXPECT_EQ(error.message.find("; "), error.message.rfind("; ")) << error.message;
  }
}

TEST(GoogleError, HasNoRemedyForWhatPassesOrIsNotThere) {
  const char* const body = R"({"error": {"message": "No such object: b/is under active/x"}})";
  for (const int status : {404, 429, 503}) {
    EXPECT_EQ(Of(status, body).message.find(';'), std::string::npos) << status;
  }
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
