#include "deliver/bigquery_error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace busker::deliver {
namespace {

struct Case {
  std::string reason;
  int status;  // with which it comes (bigquery/docs/error-messages); 0: of a job alone
  std::string message;
  ErrorKind kind;
  bool may_pass;
  std::string told;  // what to do is in this
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"accessDenied", 403, "Access Denied: Table p:d.t: Permission bigquery.tables.getData denied",
       ErrorKind::kFailed, false, "BigQuery Data Editor on the dataset and BigQuery Job User"},
      {"forbidden", 403, "Forbidden", ErrorKind::kFailed, false, "look at the roles"},
      {"authError", 401, "Invalid Credentials", ErrorKind::kFailed, false, "this machine's clock"},
      {"required", 400, "Required parameter is missing", ErrorKind::kFailed, false,
       "a fault of Busker's"},
      {"attributeError", 400, "You must specify only one of ...", ErrorKind::kInvalid, false,
       "mend the query"},
      {"backendError", 503, "Error encountered during execution. Retrying may solve the problem.",
       ErrorKind::kTemporary, true, "try again later"},
      {"badGateway", 502, "Bad Gateway", ErrorKind::kTemporary, true, "try again later"},
      {"badRequest", 400, "Bad Request", ErrorKind::kInvalid, false, "mend what is asked for"},
      {"billingNotEnabled", 403, "Billing has not been enabled for this project.",
       ErrorKind::kFailed, false, "gcloud billing projects link"},
      {"billingTierLimitExceeded", 400, "Query exceeded resource limits for tier 1",
       ErrorKind::kInvalid, false, "do less for each byte"},
      {"blocked", 403, "The service is blocked", ErrorKind::kFailed, false, "ask its support"},
      {"bytesBilledLimitExceeded", 400, "Query exceeded limit for bytes billed: 10485760",
       ErrorKind::kInvalid, false, "query_bytes_max"},
      {"conditionNotMet", 412, "Precondition Failed", ErrorKind::kTemporary, false, "try again"},
      {"duplicate", 409, "Already Exists: Table p:d.t", ErrorKind::kFailed, false,
       "is not Busker's"},
      {"internalError", 500, "An internal error occurred", ErrorKind::kTemporary, true,
       "try again later"},
      {"jobInternalError", 400, "The job failed", ErrorKind::kTemporary, true, "try again later"},
      {"jobBackendError", 400, "The job failed", ErrorKind::kTemporary, true, "try again later"},
      {"invalid", 400, "Invalid value", ErrorKind::kInvalid, false, "mend what it names"},
      {"invalidQuery", 400, "Syntax error: Unexpected identifier", ErrorKind::kInvalid, false,
       "GoogleSQL"},
      {"invalidUser", 400, "Account was disabled", ErrorKind::kFailed, false, "use another one"},
      {"notFound", 404, "Not found: Dataset example:game", ErrorKind::kNotFound, false,
       "mk --dataset"},
      {"notFound", 404, "Not found: Table example:game.t", ErrorKind::kNotFound, false,
       "busker deliveries"},
      {"notFound", 404, "Not found: URI gs://bucket/x", ErrorKind::kNotFound, false,
       "not in the bucket"},
      {"notFound", 404, "Not found: Project example", ErrorKind::kNotFound, false,
       "bigquery://PROJECT"},
      {"notFound", 404, "Not found: Routine x", ErrorKind::kNotFound, false, "dataset's location"},
      {"notImplemented", 501, "Not implemented", ErrorKind::kFailed, false, "another location"},
      {"proxyAuthenticationRequired", 407, "", ErrorKind::kFailed, false, "HTTPS_PROXY"},
      {"quotaExceeded", 403, "Quota exceeded: Your table exceeded quota for imports",
       ErrorKind::kTemporary, false, "midnight Pacific time"},
      {"rateLimitExceeded", 403, "Exceeded rate limits", ErrorKind::kTemporary, true, "fewer runs"},
      {"jobRateLimitExceeded", 400, "Too many jobs", ErrorKind::kTemporary, true, "fewer runs"},
      {"resourceInUse", 400, "Dataset is still in use", ErrorKind::kTemporary, false,
       "try again when"},
      {"resourcesExceeded", 400, "Resources exceeded during query execution", ErrorKind::kFailed,
       false, "deliver less at once"},
      {"responseTooLarge", 403, "Response too large to return", ErrorKind::kInvalid, false,
       "fewer rows"},
      {"stopped", 0, "Job execution was cancelled", ErrorKind::kFailed, false, "a new run"},
      {"tableUnavailable", 400, "The table is unavailable", ErrorKind::kTemporary, true,
       "try again later"},
      {"timeout", 400, "The job timed out", ErrorKind::kTimedOut, false, "let it do less"},
  };
  return cases;
}

io::HttpResponse AnswerOf(const Case& one) {
  io::HttpResponse response;
  response.status = one.status;
  response.body = R"({"error": {"code": )" + std::to_string(one.status) + R"(, "message": ")" +
                  one.message + R"(", "errors": [{"reason": ")" + one.reason +
                  R"(", "message": ")" + one.message + R"("}]}})";
  return response;
}

TEST(BigQueryErrors, EachSayWhatToDo) {
  std::set<std::string_view> seen;
  for (const Case& one : Cases()) {
    const BigQueryRefusal refusal =
        one.status == 0 ? BigQueryRefusal{0, one.reason, one.message} : RefusalIn(AnswerOf(one));
    EXPECT_EQ(refusal.reason, one.reason);
    const Error error = ErrorOf(refusal);
    EXPECT_EQ(error.kind, one.kind) << one.reason;
    EXPECT_EQ(MayPass(refusal), one.may_pass) << one.reason;
    EXPECT_NE(error.message.find(one.told), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("(" + one.reason + "); "), std::string::npos) << error.message;
    EXPECT_FALSE(error.message.ends_with('.')) << error.message;
    seen.insert(one.reason);
  }
  for (const std::string_view reason : KnownReasons()) {
    EXPECT_TRUE(seen.contains(reason)) << "no line for " << reason;
  }
}

TEST(BigQueryErrors, ThatNobodyKnowsAreToldInTheirWords) {
  const Error error = ErrorOf({400, "somethingNew", "It is new."});
  EXPECT_EQ(error.kind, ErrorKind::kFailed);
  EXPECT_EQ(error.message, "BigQuery: It is new (somethingNew)");
  EXPECT_EQ(ErrorOf({503, "somethingNew", "x"}).kind, ErrorKind::kTemporary);
}

// Of the first it was not said what to do, of the other that a role is missing.
TEST(BigQueryErrors, OfAProjectsServicesSayWhatToDo) {
  const auto told = [](const char* reason, const char* message) {
    return ErrorOf({403, reason, message}).message;
  };
  EXPECT_NE(told("accessNotConfigured", "BigQuery API has not been used in project 12 before")
                .find("gcloud services enable"),
            std::string::npos);
  EXPECT_NE(
      told("accessDenied",
           "Access Denied: VPC Service Controls: Request is prohibited by organization's policy")
          .find("perimeter"),
      std::string::npos);
}

TEST(BigQueryErrors, WithoutAReasonAreTakenByTheirStatus) {
  const auto reason = [](int status, const std::string& body) {
    io::HttpResponse response;
    response.status = status;
    response.body = body;
    return RefusalIn(response).reason;
  };
  EXPECT_EQ(reason(401, ""), "authError");
  EXPECT_EQ(reason(403, "<html>"), "forbidden");
  EXPECT_EQ(reason(404, "{}"), "notFound");
  EXPECT_EQ(reason(409, R"({"error": "x"})"), "duplicate");
  EXPECT_EQ(reason(412, R"({"error": {"errors": []}})"), "conditionNotMet");
  EXPECT_EQ(reason(429, "[]"), "rateLimitExceeded");
  EXPECT_EQ(reason(500, R"({"error": {"errors": [3]}})"), "backendError");
  EXPECT_EQ(reason(502, "<html>"), "badGateway");
  EXPECT_EQ(reason(400, ""), "invalid");
}

}  // namespace
}  // namespace busker::deliver
