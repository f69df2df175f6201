#include "doctor/google_calls.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>

#include "base/text.h"
#include "cloud/google_client.h"
#include "cloud/google_error.h"
#include "io/url.h"

namespace busker::doctor {
namespace {

constexpr cloud::RetryPolicy kQuick{Milliseconds(300), Milliseconds(2000), Milliseconds(10'000)};
constexpr Milliseconds kLimit{30'000};

std::string_view NameOf(cloud::GoogleApi api) {
  switch (api) {
    case cloud::GoogleApi::kStorage:
      return "storage";
    case cloud::GoogleApi::kBigQuery:
      return "bigquery";
    case cloud::GoogleApi::kCompute:
      return "compute";
    case cloud::GoogleApi::kLogging:
      return "logging";
    case cloud::GoogleApi::kResourceManager:
      return "cloudresourcemanager";
    case cloud::GoogleApi::kIam:
      return "iam";
  }
  return "";
}

// RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<Instant> InstantOf(std::string_view date) {
  std::tm time{};
  const std::string text(date);
  if (strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time) == nullptr) return std::nullopt;
  return Instant(std::chrono::seconds(timegm(&time)));
}

}  // namespace

std::string GoogleCalls::Member() const {
  return access_.account.empty() ? "user:YOUR-ADDRESS" : "serviceAccount:" + access_.account;
}

std::optional<GoogleCalls::Answer> GoogleCalls::Ask(cloud::GoogleApi api, const std::string& what,
                                                    const std::string& method,
                                                    const std::string& path,
                                                    const nlohmann::json& body) {
  if (told_[api]) return std::nullopt;
  const auto access = cloud::FindAccess(api);
  if (!access) {
    report_.Bad(what, access.error().message, "mend what it names, or unset it");
    told_[api] = true;
    return std::nullopt;
  }
  io::HttpRequest request;
  request.method = method;
  request.url = access->endpoint + path;
  if (!body.is_null()) {
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = body.dump();
  }
  cloud::GoogleClient client(access->credentials, kQuick, access->http);
  const auto sent = client.Send(request, io::Within(kLimit));
  if (!sent) {
    report_.Bad(
        what, sent.error().message,
        fmt::format("look whether {} can be reached from here, or whether a proxy or firewall "
                    "is in between",
                    io::OriginOf(access->endpoint)));
    told_[api] = true;
    return std::nullopt;
  }
  const io::HttpResponse& response = sent->response;
  if (const auto date = InstantOf(response.Header("date")); date && !clock_ahead_) {
    clock_ahead_ = Now() - *date;
  }
  Answer answer{response.status, nlohmann::json::parse(response.body, nullptr, false), ""};
  if (!answer.body.is_object()) answer.body = nlohmann::json::object();
  if (response.status / 100 != 2) {
    answer.message = cloud::GoogleError(response, io::OriginOf(access->endpoint)).message;
  }
  if (IsNotEnabled(answer, api, what)) return std::nullopt;
  return answer;
}

bool GoogleCalls::IsNotEnabled(const Answer& answer, cloud::GoogleApi api,
                               const std::string& what) {
  if (answer.status != 403) return false;
  const std::string text =
      answer.body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const bool is_so = text.find("SERVICE_DISABLED") != std::string::npos ||
                     text.find("accessNotConfigured") != std::string::npos ||
                     text.find("has not been used in project") != std::string::npos;
  if (!is_so) return false;
  told_[api] = true;
  report_.Bad(
      what, fmt::format("the API {}.googleapis.com is not enabled in {}", NameOf(api), project_),
      fmt::format("gcloud services enable {}.googleapis.com --project={}", NameOf(api), project_));
  return true;
}

std::optional<std::vector<std::string>> GoogleCalls::Missing(
    cloud::GoogleApi api, const std::string& what, const std::string& path,
    const std::vector<std::string>& permissions) {
  std::optional<Answer> answer;
  if (api == cloud::GoogleApi::kStorage) {
    std::string query;
    for (const std::string& one : permissions) {
      query += (query.empty() ? "?permissions=" : "&permissions=") + one;
    }
    answer = Ask(api, what, "GET", path + query);
  } else {
    answer = Ask(api, what, "POST", path, {{"permissions", permissions}});
  }
  if (!answer) return std::nullopt;
  return MissingIn(*answer, what, permissions);
}

std::optional<std::vector<std::string>> GoogleCalls::MissingIn(
    const Answer& answer, const std::string& what,
    const std::vector<std::string>& permissions) const {
  if (answer.status != 200) {
    report_.Doubt(what, "what is permitted could not be looked at: " + answer.message,
                  "mend what it says");
    return std::nullopt;
  }
  std::vector<std::string> missing = permissions;
  const auto held = answer.body.find("permissions");
  if (held != answer.body.end() && held->is_array()) {
    for (const auto& one : *held) {
      if (one.is_string()) std::erase(missing, one.get<std::string>());
    }
  }
  return missing;
}

}  // namespace busker::doctor
