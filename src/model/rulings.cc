#include "model/rulings.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>

namespace busker::model {
namespace {

using nlohmann::json;

constexpr std::size_t kRulingsMax = 1000;
constexpr int kFormat = 1;
// A try is lost only to another caller's success, so this many in a row means something else.
constexpr int kTriesMax = 100;

std::string KeyOf(const std::string& service, const std::string& service_version) {
  return service + "/" + service_version + "/gate.json";
}

std::string ToText(const std::vector<Ruling>& rulings) {
  json list = json::array();
  for (const Ruling& ruling : rulings) {
    list.push_back({{"version", ruling.version.Key()},
                    {"passed", ruling.passed},
                    {"why", ruling.why},
                    {"run", ruling.run},
                    {"at", FormatRfc3339(ruling.at)}});
  }
  const json text = {{"format", kFormat}, {"rulings", std::move(list)}};
  return text.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// May throw json::exception.
Result<Ruling> FromJson(const json& text) {
  Ruling ruling;
  TRY_ASSIGN(ruling.version, artifact::ParseVersionName(text.at("version").get<std::string>()));
  TRY_ASSIGN(ruling.at, ParseRfc3339(text.at("at").get<std::string>()));
  ruling.passed = text.at("passed").get<bool>();
  ruling.why = text.at("why").get<std::string>();
  ruling.run = text.at("run").get<std::string>();
  return ruling;
}

Result<std::vector<Ruling>> FromText(const std::string& text) {
  try {
    const json parsed = json::parse(text);
    const int format = parsed.at("format").get<int>();
    if (format != kFormat) {
      return Unusable(fmt::format("is of format {}, this Busker reads {}", format, kFormat));
    }
    std::vector<Ruling> rulings;
    for (const json& one : parsed.at("rulings")) {
      TRY_ASSIGN(Ruling ruling, FromJson(one));
      rulings.push_back(std::move(ruling));
    }
    return rulings;
  } catch (const std::exception& e) {
    return Unusable(e.what());
  }
}

// The rulings, and their text as the store has it, which a replacement must expect.
struct Stored {
  std::optional<std::string> text;
  std::vector<Ruling> rulings;
};

Result<Stored> ReadStored(artifact::Store& store, const std::string& key) {
  auto text = store.GetText(key);
  if (!text && text.error().kind == ErrorKind::kNotFound) return Stored{};
  if (!text) return Wrap("rulings of the gate", text.error());
  auto rulings = FromText(*text);
  if (!rulings) {
    return Unusable(fmt::format("rulings of the gate {}: {}", key, rulings.error().message));
  }
  return Stored{std::move(*text), std::move(*rulings)};
}

}  // namespace

Result<std::vector<Ruling>> ReadRulings(artifact::Store& store, const std::string& service,
                                        const std::string& service_version) {
  TRY_ASSIGN(Stored stored, ReadStored(store, KeyOf(service, service_version)));
  return std::move(stored.rulings);
}

Result<void> NoteRuling(artifact::Store& store, const Ruling& ruling) {
  const std::string key = KeyOf(ruling.version.service, ruling.version.service_version);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    TRY_ASSIGN(Stored stored, ReadStored(store, key));
    std::vector<Ruling>& rulings = stored.rulings;
    std::erase_if(rulings, [&](const Ruling& old) { return old.version == ruling.version; });
    rulings.insert(rulings.begin(), ruling);
    if (rulings.size() > kRulingsMax) rulings.resize(kRulingsMax);
    TRY_ASSIGN(const bool replaced, store.ReplaceText(key, stored.text, ToText(rulings)));
    if (replaced) return {};
  }
  return Temporary(fmt::format("{}: written by others at each of {} tries", key, kTriesMax));
}

const Ruling* FindRuling(const std::vector<Ruling>& rulings, const artifact::VersionName& version) {
  const auto found = std::find_if(rulings.begin(), rulings.end(),
                                  [&](const Ruling& ruling) { return ruling.version == version; });
  return found == rulings.end() ? nullptr : &*found;
}

}  // namespace busker::model
