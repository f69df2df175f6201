#include "deliver/bigquery_error.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/google_error.h"
#include "cloud/json_members.h"
#include "cloud/retry.h"

namespace busker::deliver {
namespace {

constexpr std::size_t kMessageBytesMax = 700;

struct Known {
  std::string_view reason;
  ErrorKind kind;
  bool may_pass;
  std::string_view remedy;
};

constexpr std::string_view kLater =
    "try again later; https://status.cloud.google.com tells of outages";

// bigquery/docs/error-messages, and reasons that clients of Google's know besides (python-bigquery,
// retry.py; google-api-go-client).
constexpr std::array kReasons = {
    Known{"accessDenied", ErrorKind::kFailed, false,
          "whoever the credentials are of has to be given that permission: the roles BigQuery Data "
          "Editor on the dataset and BigQuery Job User on the project are enough (`gcloud projects "
          "add-iam-policy-binding PROJECT --member=... --role=roles/bigquery.jobUser`)"},
    Known{
        "forbidden", ErrorKind::kFailed, false,
        "whoever the credentials are of may not do that; look at the roles on the project and the "
        "dataset"},
    Known{"authError", ErrorKind::kFailed, false,
          "the credentials are not taken: are they still good, and is this machine's clock right?"},
    Known{"required", ErrorKind::kFailed, false,
          "that is a fault of Busker's; please tell its authors"},
    Known{"attributeError", ErrorKind::kInvalid, false,
          "mend the query: it says one thing in two ways"},
    Known{"backendError", ErrorKind::kTemporary, true, kLater},
    Known{"badGateway", ErrorKind::kTemporary, true, kLater},
    Known{"badRequest", ErrorKind::kInvalid, false, "mend what is asked for"},
    Known{"billingNotEnabled", ErrorKind::kFailed, false,
          "link the project to a billing account: `gcloud billing projects link PROJECT "
          "--billing-account=...`"},
    Known{"billingTierLimitExceeded", ErrorKind::kInvalid, false,
          "let the query do less for each byte that it reads"},
    Known{"blocked", ErrorKind::kFailed, false,
          "Google has stopped the project or the account for now; ask its support"},
    Known{"bytesBilledLimitExceeded", ErrorKind::kInvalid, false,
          "let the query read less, or raise query_bytes_max in the warehouse's URL "
          "(bigquery://PROJECT?query_bytes_max=100GB)"},
    Known{"conditionNotMet", ErrorKind::kTemporary, false,
          "somebody else changed the table at the same time; try again"},
    Known{"duplicate", ErrorKind::kFailed, false,
          "something of that name is there already, and is not Busker's; look at it, and remove it "
          "if nobody needs it"},
    Known{"internalError", ErrorKind::kTemporary, true, kLater},
    Known{"jobInternalError", ErrorKind::kTemporary, true, kLater},
    Known{"jobBackendError", ErrorKind::kTemporary, true, kLater},
    Known{"invalid", ErrorKind::kInvalid, false, "mend what it names"},
    Known{"invalidQuery", ErrorKind::kInvalid, false,
          "mend the query; tables are `dataset.table`, and the SQL is GoogleSQL"},
    Known{"invalidUser", ErrorKind::kFailed, false,
          "the account was deleted or disabled; use another one"},
    Known{"notFound", ErrorKind::kNotFound, false,
          "look at the names of project, dataset and table, and at the dataset's location"},
    Known{"notImplemented", ErrorKind::kFailed, false,
          "BigQuery does not do that there; use another location or edition"},
    Known{"proxyAuthenticationRequired", ErrorKind::kFailed, false,
          "the proxy wants a login: put it into HTTPS_PROXY"},
    Known{"quotaExceeded", ErrorKind::kTemporary, false,
          "a quota of the project is used up until it is renewed, mostly the next day at midnight "
          "Pacific time; the console's page IAM & Admin > Quotas tells which, and raises it"},
    Known{"rateLimitExceeded", ErrorKind::kTemporary, true,
          "too much is asked for at once; let fewer runs deliver to it at the same time"},
    Known{"jobRateLimitExceeded", ErrorKind::kTemporary, true,
          "too many jobs begin at once; let fewer runs deliver at the same time"},
    Known{"resourceInUse", ErrorKind::kTemporary, false,
          "something else works on it; try again when that has ended"},
    Known{"resourcesExceeded", ErrorKind::kFailed, false,
          "it is too much for one job: deliver less at once, by partition or in several files, or "
          "give the project more slots"},
    Known{"responseTooLarge", ErrorKind::kInvalid, false, "let the query answer with fewer rows"},
    Known{"stopped", ErrorKind::kFailed, false,
          "somebody cancelled the job; a new run delivers again"},
    Known{"tableUnavailable", ErrorKind::kTemporary, true, kLater},
    Known{"timeout", ErrorKind::kTimedOut, false,
          "let it do less, or try when the project is less busy"},
};

const Known* Find(std::string_view reason) {
  const auto found = std::find_if(kReasons.begin(), kReasons.end(),
                                  [&](const Known& known) { return known.reason == reason; });
  return found == kReasons.end() ? nullptr : &*found;
}

// What is not there says what it is: "Not found: Dataset example:game".
std::string_view RemedyForMissing(const std::string& message) {
  const auto is = [&](std::string_view what) {
    return message.find(fmt::format("Not found: {}", what)) != std::string::npos;
  };
  if (is("Dataset")) {
    return "make it with `bq --location=LOCATION mk --dataset PROJECT:DATASET`, or name another "
           "one";
  }
  if (is("Project")) return "look at the project's id in the warehouse's URL, bigquery://PROJECT";
  if (is("URI"))
    return "the file is not in the bucket any more, or BigQuery's account may not read it";
  if (is("Table")) return "look at its name; `busker deliveries` lists what was delivered";
  return {};
}

// Where the body tells no reason.
std::string_view ReasonOf(int status) {
  switch (status) {
    case 401:
      return "authError";
    case 403:
      return "forbidden";
    case 404:
      return "notFound";
    case 407:
      return "proxyAuthenticationRequired";
    case 409:
      return "duplicate";
    case 412:
      return "conditionNotMet";
    case 429:
      return "rateLimitExceeded";
    case 502:
      return "badGateway";
    default:
      return status / 100 == 5 ? "backendError" : "invalid";
  }
}

}  // namespace

BigQueryRefusal RefusalIn(const io::HttpResponse& response) {
  BigQueryRefusal refusal{response.status, "", ""};
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  const auto error = json.is_object() ? json.find("error") : json.end();
  if (json.is_object() && error != json.end() && error->is_object()) {
    refusal.message = cloud::TextIn(*error, "message");
    const auto errors = error->find("errors");
    if (errors != error->end() && errors->is_array() && !errors->empty() &&
        errors->front().is_object()) {
      refusal.reason = cloud::TextIn(errors->front(), "reason");
    }
  }
  if (refusal.reason.empty()) refusal.reason = ReasonOf(response.status);
  if (refusal.message.empty()) {
    refusal.message = fmt::format("it answered {} and does not say why", response.status);
  }
  return refusal;
}

bool MayPass(const BigQueryRefusal& refusal) {
  const Known* const known = Find(refusal.reason);
  if (known != nullptr) return known->may_pass;
  return refusal.status != 501 && cloud::MayPass(refusal.status);
}

Error ErrorOf(const BigQueryRefusal& refusal) {
  const Known* const known = Find(refusal.reason);
  std::string message = Printable(refusal.message.substr(0, kMessageBytesMax));
  while (message.ends_with('.') || message.ends_with('\n')) message.pop_back();
  std::string_view remedy = known == nullptr ? std::string_view() : known->remedy;
  if (known == nullptr || refusal.reason == "accessDenied" || refusal.reason == "forbidden") {
    const std::string_view general = cloud::RemedyIn(refusal.reason + " " + refusal.message);
    if (!general.empty()) remedy = general;
  }
  if (refusal.reason == "notFound") {
    const std::string_view missing = RemedyForMissing(message);
    if (!missing.empty()) remedy = missing;
  }
  const ErrorKind kind = known != nullptr                 ? known->kind
                         : cloud::MayPass(refusal.status) ? ErrorKind::kTemporary
                                                          : ErrorKind::kFailed;
  return {kind, fmt::format("BigQuery: {} ({}){}{}", message, Printable(refusal.reason),
                            remedy.empty() ? "" : "; ", remedy)};
}

std::vector<std::string_view> KnownReasons() {
  std::vector<std::string_view> reasons;
  for (const Known& known : kReasons) reasons.push_back(known.reason);
  return reasons;
}

}  // namespace busker::deliver
