#include "cloud/logging.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "base/json_object.h"
#include "base/text.h"
#include "cloud/google_client.h"
#include "cloud/google_error.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

using nlohmann::ordered_json;

// Error details have a line for each entry that was refused.
constexpr std::uint64_t kAnswerBytesMax = 4u << 20;

// Letters of any domain's projects, "example.com:shop", too.
bool CanBeProject(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
  });
}

std::string BodyOf(const LogEntries& entries, bool dry) {
  ordered_json body = {{"logName", fmt::format("projects/{}/logs/{}", entries.project,
                                               io::PercentEncoded(entries.log))},
                       {"resource", {{"type", "global"}}},
                       {"labels", entries.labels},
                       {"partialSuccess", true}};
  if (dry) body["dryRun"] = true;
  ordered_json& list = body["entries"] = ordered_json::array();
  for (const LogEntry& entry : entries.entries) {
    list.push_back({{"textPayload", entry.text},
                    {"timestamp", FormatRfc3339(entry.at)},
                    {"insertId", entry.id},
                    {"severity", NameOf(entry.severity)}});
  }
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// google.rpc.Code: what may be otherwise a little later.
bool MayPassAs(int code) {
  return code == 4 || code == 8 || code == 10 || code == 13 || code == 14;
}

// What the answer tells of single entries (WriteLogEntriesPartialErrors): those that it does not
// name are written. nullptr: it names none, so none is.
const nlohmann::json* ErrorsOfEntries(const nlohmann::json& answer) {
  const auto error = answer.is_object() ? answer.find("error") : answer.end();
  if (error == answer.end() || !error->is_object()) return nullptr;
  const auto details = error->find("details");
  if (details == error->end() || !details->is_array()) return nullptr;
  for (const nlohmann::json& detail : *details) {
    if (!detail.is_object()) continue;
    const auto errors = detail.find("logEntryErrors");
    if (errors != detail.end() && errors->is_object() && !errors->empty()) return &*errors;
  }
  return nullptr;
}

Result<LogAnswer> AnswerOf(const io::HttpResponse& response, std::size_t entries,
                           const std::string& place) {
  if (response.status == 200) return LogAnswer{};
  const auto answer = nlohmann::json::parse(response.body, nullptr, false);
  const nlohmann::json* const errors = ErrorsOfEntries(answer);
  Error error = GoogleError(response, place);
  if (errors == nullptr) {
    // None of them is what the service takes, and a second time none is either.
    if (response.status == 400 || response.status == 413) return LogAnswer{entries, error.message};
    return tl::unexpected(std::move(error));
  }
  for (const auto& [_, one] : errors->items()) {
    const auto code = one.is_object() ? one.find("code") : one.end();
    if (code == one.end() || !code->is_number_integer()) continue;
    if (MayPassAs(code->get<int>())) return Temporary(std::move(error.message));
  }
  return LogAnswer{errors->size(), std::move(error.message)};
}

}  // namespace

Result<std::string> ProjectOfLog(const std::string& url) {
  const std::string_view scheme = kLogScheme;
  if (!url.starts_with(scheme)) return Invalid(fmt::format("write {}PROJECT", scheme));
  std::string project = url.substr(scheme.size());
  if (!CanBeProject(project)) {
    return Invalid(
        fmt::format("\"{}\" is not a project; write {}PROJECT with its id, and nothing "
                    "behind",
                    Printable(project), scheme));
  }
  return project;
}

Result<LogAnswer> WriteEntries(const GoogleAccess& access, const LogEntries& entries,
                               const io::Interrupt& interrupt, bool dry) {
  io::HttpRequest request;
  request.method = "POST";
  request.url = access.endpoint + "/v2/entries:write";
  request.headers.push_back({"Content-Type", "application/json"});
  request.body = BodyOf(entries, dry);
  request.is_repeatable = true;  // as the entries have ids
  request.response_bytes_max = kAnswerBytesMax;
  GoogleClient client(access.credentials, {}, access.http);
  TRY_ASSIGN(const io::HttpResponse response, client.SendOnce(std::move(request), interrupt));
  return AnswerOf(response, entries.entries.size(), io::OriginOf(access.endpoint));
}

}  // namespace busker::cloud
