#include "execute/compute_errors.h"

#include <gtest/gtest.h>

namespace busker::execute {
namespace {

TEST(ComputeErrors, EachCodeLeadsSomewhere) {
  const std::pair<const char*, Trouble> codes[] = {
      {"ZONE_RESOURCE_POOL_EXHAUSTED", Trouble::kNoRoom},
      {"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", Trouble::kNoRoom},
      {"STOCKOUT", Trouble::kNoRoom},
      {"insufficientCapacity", Trouble::kNoRoom},
      {"QUOTA_EXCEEDED", Trouble::kNoQuota},
      {"quotaExceeded", Trouble::kNoQuota},
      {"RESOURCE_OPERATION_RATE_EXCEEDED", Trouble::kPassing},
      {"rateLimitExceeded", Trouble::kPassing},
      {"INTERNAL_ERROR", Trouble::kPassing},
      {"PERMISSIONS_ERROR", Trouble::kForbidden},
      {"forbidden", Trouble::kForbidden},
      {"accessNotConfigured", Trouble::kForbidden},
      {"RESOURCE_NOT_FOUND", Trouble::kNotThere},
      {"notFound", Trouble::kNotThere},
      {"externalResourceNotFound", Trouble::kNotThere},
      {"SERVICE_ACCOUNT_ACCESS_DENIED", Trouble::kForbidden},
      {"CONDITION_NOT_MET", Trouble::kUnknown},
      {"alreadyExists", Trouble::kTaken},
      {"CONFLICT", Trouble::kWithdrawn},
      {"UNSUPPORTED_OPERATION", Trouble::kUnknown},
      {"invalid", Trouble::kUnknown},
      {"", Trouble::kUnknown},
  };
  for (const auto& [code, trouble] : codes) {
    EXPECT_EQ(TroubleOf({code, "words", 0}), trouble) << code;
  }
}

TEST(ComputeErrors, AnAnswerWithoutAKnownReasonIsJudgedByItsStatus) {
  const std::pair<int, Trouble> statuses[] = {
      {400, Trouble::kUnknown},  {401, Trouble::kForbidden}, {403, Trouble::kForbidden},
      {404, Trouble::kNotThere}, {409, Trouble::kTaken},     {429, Trouble::kPassing},
      {500, Trouble::kPassing},  {503, Trouble::kPassing}};
  for (const auto& [status, trouble] : statuses) {
    EXPECT_EQ(TroubleOf({"", "words", status}), trouble) << status;
  }
}

TEST(ComputeErrors, SayWhatToDo) {
  EXPECT_EQ(SentenceOf({"QUOTA_EXCEEDED", "Quota 'CPUS' exceeded. Limit: 8.", 0}),
            "QUOTA_EXCEEDED: Quota 'CPUS' exceeded. Limit: 8; have the quota raised (Google Cloud "
            "console, IAM, Quotas), or name a zone of another region");
  EXPECT_NE(SentenceOf({"ZONE_RESOURCE_POOL_EXHAUSTED", "Full.", 0}).find("name more zones"),
            std::string::npos);
  EXPECT_NE(SentenceOf({"forbidden", "No.", 403}).find("Compute Instance Admin"),
            std::string::npos);
  // Of these it was said that Compute Instance Admin is needed, or nothing.
  EXPECT_NE(
      SentenceOf({"accessNotConfigured", "Compute Engine API has not been used in project 12", 403})
          .find("gcloud services enable"),
      std::string::npos);
  EXPECT_NE(SentenceOf({"forbidden", "This API method requires billing to be enabled.", 403})
                .find("gcloud billing projects link"),
            std::string::npos);
  EXPECT_NE(
      SentenceOf({"CONDITION_NOT_MET",
                  "Constraint constraints/compute.vmExternalIpAccess violated for project 12", 0})
          .find("public_ip = false"),
      std::string::npos);
  EXPECT_EQ(SentenceOf({"SOMETHING_NEW", "Its words.", 0}), "SOMETHING_NEW: Its words")
      << "an unknown one is told as it is";
  EXPECT_EQ(SentenceOf({"SOMETHING_NEW", "", 0}), "SOMETHING_NEW");
}

io::HttpResponse Answer(int status, std::string body) {
  io::HttpResponse answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

TEST(ComputeErrors, AreReadFromAnAnswer) {
  const ComputeFault fault =
      FaultOf(Answer(403, R"({"error": {"code": 403, "message": "Quota.", "errors":
                      [{"reason": "quotaExceeded", "message": "Quota."}]}})"));
  EXPECT_EQ(fault.code, "quotaExceeded");
  EXPECT_EQ(fault.message, "Quota.");
  EXPECT_EQ(fault.status, 403);
  EXPECT_EQ(ErrorOf(fault, "make a VM").kind, ErrorKind::kFailed);
  const ComputeFault page = FaultOf(Answer(502, "<html>no JSON</html>"));
  EXPECT_EQ(ErrorOf(page, "make a VM").kind, ErrorKind::kTemporary);
  EXPECT_EQ(ErrorOf(page, "make a VM").message, "make a VM: status 502");
}

}  // namespace
}  // namespace busker::execute
