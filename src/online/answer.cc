#include "online/answer.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>

#include "base/text.h"
#include "http/problem.h"

namespace busker::online {
namespace {

constexpr char kRetryAfterSeconds[] = "1";

// Who asks for a prediction may ask again, also when it took too long: 503 is what clients know so.
int StatusOf(ErrorKind kind) { return kind == ErrorKind::kTimedOut ? 503 : http::StatusOf(kind); }

}  // namespace

void AppendText(std::string& text, std::string_view value) {
  text += '"';
  const std::string shown = IsUtf8(value) ? std::string(value) : Printable(value);
  for (const char c : shown) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      text += c;
    }
  }
  text += '"';
}

http::Response Fault(int status, std::string_view sentence) {
  http::Response response;
  response.status = status;
  response.body = "{\"error\": ";
  AppendText(response.body, sentence);
  response.body += "}\n";
  if (status == 503) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

http::Response Fault(const Error& error) {
  return Fault(StatusOf(error.kind), http::WithoutPaths(error.message));
}

http::Response JsonAnswer(const predict::LoadedVersion& version, std::string body) {
  http::Response response;
  response.body = std::move(body);
  response.headers.emplace_back(kVersionHeader, NameOf(version));
  return response;
}

Result<std::vector<float>> Predict(const predict::LoadedVersion& version,
                                   const predict::Rows& rows) {
  const std::size_t outputs = version.model->outputs();
  std::vector<float> values(rows.size * outputs);
  if (rows.size > 0) version.model->Predict(rows.values, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return Failed(
        fmt::format("instance {}: the model's answer is not a finite number", i / outputs + 1));
  }
  return values;
}

void AppendNumber(std::string& text, float value) {
  char digits[32];
  const auto [end, fault] = std::to_chars(digits, digits + sizeof digits, value);
  text.append(digits, end);
}

const std::string& NameOf(const predict::LoadedVersion& version) {
  return version.manifest.name.timestamp;
}

}  // namespace busker::online
