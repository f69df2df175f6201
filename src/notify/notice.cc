#include "notify/notice.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/digest.h"

namespace busker::notify {
namespace {

// The fields in the order in which they are shown.
std::array<std::pair<std::string_view, std::string>, 9> FieldsOf(const Notice& notice) {
  return {{{"key", notice.key},
           {"at", FormatRfc3339(notice.at)},
           {"kind", notice.kind},
           {"service", notice.service},
           {"action", notice.action},
           {"run", notice.run},
           {"data_date", notice.data_date},
           {"message", notice.message},
           {"hint", notice.hint}}};
}

}  // namespace

bool IsKey(std::string_view text) {
  constexpr std::size_t kLengthMax = 128;
  return !text.empty() && text.size() <= kLengthMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == ':';
         });
}

std::string MakeKey(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) {
    all += std::to_string(part.size()) + ":" + std::string(part);  // ("ab", "c") is not ("a", "bc")
  }
  const std::string_view first = parts.size() > 0 ? *parts.begin() : "";
  const std::string digits = io::Sha256Of(all).substr(0, 32);
  return IsKey(first) && first.size() <= 64 ? std::string(first) + "-" + digits : digits;
}

std::string ToJson(const Notice& notice) {
  nlohmann::ordered_json json;
  for (const auto& [name, value] : FieldsOf(notice)) json[std::string(name)] = value;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> ToEnvironment(const Notice& notice) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : FieldsOf(notice)) {
    std::string entry = "BUSKER_NOTICE_";
    for (const char c : name) entry += c == '_' ? c : static_cast<char>(c - 'a' + 'A');
    // The environment ends a text at its first zero byte; the rest would be lost silently.
    std::string shown = value;
    std::replace(shown.begin(), shown.end(), '\0', ' ');
    entries.push_back(entry + "=" + shown);
  }
  return entries;
}

std::string Title(const Notice& notice) {
  std::string what = notice.kind;
  std::replace(what.begin(), what.end(), '-', ' ');
  if (what == "late") what = "is late";
  if (what == "behind") what = "is not served as it is live";
  if (what == "approval") what = "waits for approval";
  std::string title = notice.service;
  if (!notice.action.empty()) title += "/" + notice.action;
  title += " " + what;
  if (!notice.data_date.empty()) title += " (" + notice.data_date + ")";
  return title;
}

}  // namespace busker::notify
