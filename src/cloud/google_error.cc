#include "cloud/google_error.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/json_members.h"
#include "cloud/retry.h"

namespace busker::cloud {
namespace {

constexpr std::size_t kMessageBytesMax = 500;

ErrorKind KindOf(int status) {
  if (status == 404) return ErrorKind::kNotFound;
  return MayPass(status) ? ErrorKind::kTemporary : ErrorKind::kFailed;
}

std::string_view RemedyFor(int status, const std::string& message) {
  if (status == 401) {
    return "; the credentials are not taken: are they still good, and is this machine's clock "
           "right?";
  }
  if (status != 403) return {};
  if (message.find("quota project") != std::string::npos) {
    return "; `gcloud auth application-default set-quota-project PROJECT` or "
           "GOOGLE_CLOUD_QUOTA_PROJECT names one";
  }
  return "; whoever the credentials are of has to be given that permission";
}

}  // namespace

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
  const std::string_view remedy = RemedyFor(response.status, message);
  if (!message.empty()) message = ": " + message;
  while (message.ends_with('.')) message.pop_back();
  return {KindOf(response.status),
          fmt::format("{} answered {}{}{}", place, response.status, message, remedy)};
}

}  // namespace busker::cloud
