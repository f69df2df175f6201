#include "cloud/google_error.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/json_members.h"
#include "cloud/retry.h"

namespace busker::cloud {
namespace {

constexpr std::size_t kMessageBytesMax = 500;
constexpr std::size_t kLookedAtBytesMax = 16u << 10;

constexpr std::string_view kEnable =
    "`gcloud services enable` does that, and `busker doctor --target TARGET` has the whole command";
constexpr std::string_view kBilling =
    "link the project to a billing account that is in order: `gcloud billing projects link PROJECT "
    "--billing-account=...`";
constexpr std::string_view kPerimeter =
    "a perimeter of the organisation (VPC Service Controls) keeps out who asks from here: have it "
    "let in, or run Busker inside";
constexpr std::string_view kScope =
    "the credentials lack the scope cloud-platform: `gcloud auth application-default login`, or "
    "give it to the machine";
constexpr std::string_view kKept =
    "Busker replaces and removes objects of its own: it needs a bucket without holds and retention "
    "policy";

ErrorKind KindOf(int status) {
  if (status == 404) return ErrorKind::kNotFound;
  return MayPass(status) ? ErrorKind::kTemporary : ErrorKind::kFailed;
}

struct Remedy {
  std::string_view sign;  // of a body, in small letters
  std::string_view text;
};

// What stands between a project and all of its services, by words and reasons (google.rpc.ErrorInfo
// and, of Cloud Storage, storage/docs/json_api/v1/status-codes). The first that fits counts.
constexpr Remedy kRemedies[] = {
    {"user_project_denied",
     "that quota project is not one for these credentials: give them "
     "roles/serviceusage.serviceUsageConsumer on it, or name another in "
     "GOOGLE_CLOUD_QUOTA_PROJECT"},
    {"quota project",
     "`gcloud auth application-default set-quota-project PROJECT` or GOOGLE_CLOUD_QUOTA_PROJECT "
     "names one"},
    {"requester pays",
     "who asks pays for that bucket: name a project in GOOGLE_CLOUD_QUOTA_PROJECT"},
    {"has not been used in project", kEnable},
    {"service_disabled", kEnable},
    {"accessnotconfigured", kEnable},
    {"billing account", kBilling},
    {"billing to be enabled", kBilling},
    {"billing_disabled", kBilling},
    {"accountdisabled", kBilling},
    {"vpcservicecontrols", kPerimeter},
    {"vpc service controls", kPerimeter},
    {"constraints/compute.vmexternalipaccess",
     "the organisation lets no VM have a public address: say `public_ip = false` in the target, "
     "and give its subnetwork Private Google Access"},
    {"constraint constraints/",
     "a policy of the organisation forbids it: have the project excepted, or mend the target"},
    {"insufficient authentication scopes", kScope},
    {"access_token_scope_insufficient", kScope},
    {"retention polic", kKept},
    {"retentionpolicynotmet", kKept},
    {"is under active", kKept},
    {"permission denied on cloud kms key",
     "Cloud Storage may not use the bucket's key: `gcloud storage service-agent "
     "--authorize-cmek=KEY` lets it"},
    {"cloud kms key", "the bucket's key has to be enabled and to be there"},
    {"consumer_invalid", "is that the id of a project that is there?"},
};

std::string_view RemedyFor(const io::HttpResponse& response) {
  if (response.status / 100 != 4 || response.status == 404 || MayPass(response.status)) return {};
  if (const std::string_view remedy = RemedyIn(response.body); !remedy.empty()) return remedy;
  if (response.status == 401) {
    return "the credentials are not taken: are they still good, and is this machine's clock right?";
  }
  if (response.status != 403) return {};
  return "whoever the credentials are of has to be given that permission";
}

}  // namespace

std::string_view RemedyIn(std::string_view said) {
  const std::string small = LowerCase(said.substr(0, kLookedAtBytesMax));
  for (const Remedy& remedy : kRemedies) {
    if (small.find(remedy.sign) != std::string::npos) return remedy.text;
  }
  return {};
}

// {"error": {"code": 403, "message": "..."}}, and by token servers {"error": "invalid_grant",
// "error_description": "..."}.
std::string GoogleMessage(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  std::string message = TextIn(json, "error_description");
  if (const auto error = json.find("error"); message.empty() && error != json.end()) {
    message = TextIn(*error, "message");
  }
  if (message.empty()) message = TextIn(json, "error");
  return Printable(message.substr(0, kMessageBytesMax));
}

Error GoogleError(const io::HttpResponse& response, const std::string& place) {
  std::string message = GoogleMessage(response.body);
  const std::string_view remedy = RemedyFor(response);
  if (!message.empty()) message = ": " + message;
  while (message.ends_with('.')) message.pop_back();
  return {KindOf(response.status), fmt::format("{} answered {}{}{}{}", place, response.status,
                                               message, remedy.empty() ? "" : "; ", remedy)};
}

}  // namespace busker::cloud
