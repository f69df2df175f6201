// Bodies of JSON, in and out. Heavy (nlohmann): for .cc files only.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/json_object.h"
#include "base/result.h"
#include "http/message.h"
#include "http/problem.h"

namespace busker::http {

inline Response JsonResponse(const nlohmann::ordered_json& value, int status = 200) {
  using nlohmann::ordered_json;
  Response response;
  response.status = status;
  response.body = value.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  return response;
}

inline Response Done(const Result<void>& result) {
  return result ? JsonResponse({{"done", true}}) : Problem(result.error());
}

// The body's members, each of the kind that is wanted; what is not known, or comes twice, is
// refused.
class JsonBody {
 public:
  static Result<JsonBody> Of(const Request& request) {
    if (request.body.empty()) return JsonBody(nlohmann::ordered_json::object());
    TRY_ASSIGN(auto value, ParseJson(request.body, "the body"));
    if (!value.is_object()) return Invalid("the body must be a JSON object, {...}");
    return JsonBody(std::move(value));
  }

  template <typename T>
  void Get(const char* name, T& to) {
    known_.emplace_back(name);
    const auto found = value_.find(name);
    if (found == value_.end() || found->is_null()) return;
    if (!Fits(*found, to)) {
      fault_ = fmt::format("\"{}\" must be {}", name, Wanted(to));
    } else {
      to = found->get<T>();
    }
  }

  // Stays empty when it is not there: an empty text is not the same.
  template <typename T>
  void Get(const char* name, std::optional<T>& to) {
    T value{};
    Get(name, value);
    if (const auto found = value_.find(name); found != value_.end() && !found->is_null()) {
      to = std::move(value);
    }
  }

  Result<void> Finish() const {
    if (!fault_.empty()) return Invalid(fault_);
    for (const auto& [name, _] : value_.items()) {
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
        return Invalid(
            fmt::format("there is no \"{}\" in this request{}", name, DidYouMean(name, known_)));
      }
    }
    return {};
  }

 private:
  explicit JsonBody(nlohmann::ordered_json value) : value_(std::move(value)) {}

  // Control characters are in no name, date, key or reason, and would forge lines of a log.
  static bool Fits(const nlohmann::ordered_json& value, const std::string&) {
    if (!value.is_string()) return false;
    const std::string& text = value.get_ref<const std::string&>();
    return text.size() <= 1000 && std::none_of(text.begin(), text.end(), [](char c) {
             return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
           });
  }
  static bool Fits(const nlohmann::ordered_json& value, const std::vector<std::string>&) {
    return value.is_array() && value.size() <= 100 &&
           std::all_of(value.begin(), value.end(),
                       [](const auto& each) { return Fits(each, std::string()); });
  }
  static bool Fits(const nlohmann::ordered_json& value, bool) { return value.is_boolean(); }
  static bool Fits(const nlohmann::ordered_json& value, int) {
    return value.is_number_integer() && value >= -1'000'000 && value <= 1'000'000;
  }

  static bool Fits(const nlohmann::ordered_json& value, const nlohmann::ordered_json&) {
    return value.is_object();
  }

  static const char* Wanted(const nlohmann::ordered_json&) { return "an object, {...}"; }
  static const char* Wanted(const std::string&) {
    return "text of at most 1,000 bytes without control characters";
  }
  static const char* Wanted(const std::vector<std::string>&) {
    return "a list of at most 100 texts, each of at most 1,000 bytes without control characters";
  }
  static const char* Wanted(bool) { return "true or false"; }
  static const char* Wanted(int) { return "a whole number of at most a million"; }

  nlohmann::ordered_json value_;
  std::vector<std::string> known_;
  std::string fault_;
};

}  // namespace busker::http
