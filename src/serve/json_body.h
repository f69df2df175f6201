// Bodies of JSON, in and out. Heavy (nlohmann): for .cc files only.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "serve/message.h"
#include "serve/problem.h"

namespace busker::serve {

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

// The body's members, each of the kind that is wanted; what is not known is refused.
class JsonBody {
 public:
  static Result<JsonBody> Of(const Request& request) {
    if (request.body.empty()) return JsonBody(nlohmann::ordered_json::object());
    nlohmann::ordered_json value = nlohmann::ordered_json::parse(request.body, nullptr, false);
    if (!value.is_object()) return Invalid("the body is no JSON object");
    return JsonBody(std::move(value));
  }

  template <typename T>
  void Get(const char* name, T& to) {
    known_.emplace_back(name);
    const auto found = value_.find(name);
    if (found == value_.end() || found->is_null()) return;
    if (!Fits(*found, to)) {
      fault_ = fmt::format("\"{}\" is of another kind", name);
    } else {
      to = found->get<T>();
    }
  }

  Result<void> Finish() const {
    if (!fault_.empty()) return Invalid(fault_);
    for (const auto& [name, _] : value_.items()) {
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
        return Invalid(fmt::format("there is no \"{}\" in this request", name));
      }
    }
    return {};
  }

 private:
  explicit JsonBody(nlohmann::ordered_json value) : value_(std::move(value)) {}
  static bool Fits(const nlohmann::ordered_json& value, const std::string&) {
    return value.is_string() && value.get_ref<const std::string&>().size() <= 1000;
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

  nlohmann::ordered_json value_;
  std::vector<std::string> known_;
  std::string fault_;
};

}  // namespace busker::serve
