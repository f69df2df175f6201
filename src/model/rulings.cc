#include "model/rulings.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/json_object.h"

namespace busker::model {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kRulingsMax = 1000;
constexpr int kFormat = 1;
// A try is lost only to another caller's success, so this many in a row means something else.
constexpr int kTriesMax = 100;

std::string KeyOf(const std::string& service, const std::string& service_version) {
  return service + "/" + service_version + "/gate.json";
}

std::string ToText(const std::vector<Ruling>& rulings) {
  ordered_json list = ordered_json::array();
  for (const Ruling& ruling : rulings) {
    list.push_back(RulingToJson(ruling));
  }
  return JsonText({{"format", kFormat}, {"rulings", std::move(list)}});
}

// Errors name the place: "WHAT: ...".
Result<std::vector<Ruling>> FromText(const std::string& text, const std::string& what) {
  TRY_ASSIGN(const ordered_json value, ParseOwnJson(text, what));
  std::vector<Ruling> rulings;
  int format = 0;
  JsonObject in(value, what);
  in.Get("format", format);
  TRY(in.Done());
  if (format != kFormat) {
    return Unusable(fmt::format("{} is of format {}, this Busker reads {}", what, format, kFormat));
  }
  in.GetEach("rulings", rulings,
             [&](const ordered_json& ruling) { return RulingFromJson(ruling, what); });
  TRY(in.Done());
  return rulings;
}

// The rulings, and their text as the store has it, which a replacement must expect.
struct Stored {
  std::optional<std::string> text;
  std::vector<Ruling> rulings;
};

Result<Stored> ReadStored(artifact::Store& store, const std::string& key,
                          const io::Interrupt& interrupt) {
  auto text = store.GetText(key, interrupt);
  if (!text && text.error().kind == ErrorKind::kNotFound) return Stored{};
  if (!text) return Wrap("rulings of the gate", text.error());
  auto rulings = FromText(*text, "rulings of the gate " + key);
  if (!rulings) return Unusable(std::move(rulings).error().message);
  return Stored{std::move(*text), std::move(*rulings)};
}

// `change` changes the rulings, and says whether it did.
template <typename ChangeThem>
Result<void> Change(artifact::Store& store, const artifact::VersionName& version,
                    const io::Interrupt& interrupt, const ChangeThem& change) {
  const std::string key = KeyOf(version.service, version.service_version);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    TRY_ASSIGN(Stored stored, ReadStored(store, key, interrupt));
    if (!change(stored.rulings)) return {};
    TRY_ASSIGN(const bool replaced,
               store.ReplaceText(key, stored.text, ToText(stored.rulings), interrupt));
    if (replaced) return {};
  }
  return Temporary(fmt::format("{}: written by others at each of {} tries", key, kTriesMax));
}

}  // namespace

ordered_json RulingToJson(const Ruling& ruling) {
  ordered_json text = {{"version", ruling.version.Key()},
                       {"passed", ruling.passed},
                       {"why", ruling.why},
                       {"run", ruling.run},
                       {"at", FormatRfc3339(ruling.at)}};
  if (ruling.waits) text["waits"] = true;
  if (!ruling.approved_by.empty()) text["approved_by"] = ruling.approved_by;
  return text;
}

Result<Ruling> RulingFromJson(const ordered_json& value, const std::string& what) {
  Ruling ruling;
  std::string version;
  JsonObject in(value, what);
  in.Get("version", version);
  in.Require("at");
  in.Get("at", ruling.at);
  in.Get("passed", ruling.passed);
  in.Get("why", ruling.why);
  in.Get("run", ruling.run);
  std::optional<std::string> approved_by;
  in.Get("approved_by", approved_by);
  if (!in.Member("waits").is_null()) in.Get("waits", ruling.waits);
  TRY(in.Done());
  ruling.approved_by = std::move(approved_by).value_or("");
  auto name = artifact::ParseVersionName(version);
  if (!name) return Wrap(what, name.error());
  ruling.version = *std::move(name);
  return ruling;
}

Result<std::vector<Ruling>> ReadRulings(artifact::Store& store, const std::string& service,
                                        const std::string& service_version,
                                        const io::Interrupt& interrupt) {
  TRY_ASSIGN(Stored stored, ReadStored(store, KeyOf(service, service_version), interrupt));
  return std::move(stored.rulings);
}

Result<void> NoteRuling(artifact::Store& store, const Ruling& ruling,
                        const io::Interrupt& interrupt) {
  return Change(store, ruling.version, interrupt, [&](std::vector<Ruling>& rulings) {
    std::erase_if(rulings, [&](const Ruling& old) { return old.version == ruling.version; });
    rulings.insert(rulings.begin(), ruling);
    if (rulings.size() > kRulingsMax) rulings.resize(kRulingsMax);
    return true;
  });
}

Result<void> NoteApproval(artifact::Store& store, const artifact::VersionName& version,
                          const std::string& by, const io::Interrupt& interrupt) {
  return Change(store, version, interrupt, [&](std::vector<Ruling>& rulings) {
    for (Ruling& ruling : rulings) {
      if (ruling.version != version || !ruling.waits) continue;
      ruling.waits = false;
      ruling.approved_by = by;
      return true;
    }
    return false;
  });
}

const Ruling* FindWaiting(const std::vector<Ruling>& rulings) {
  const Ruling* last = nullptr;
  for (const Ruling& ruling : rulings) {
    if (ruling.passed && (last == nullptr || last->at < ruling.at)) last = &ruling;
  }
  return last != nullptr && last->waits ? last : nullptr;
}

const Ruling* FindRuling(const std::vector<Ruling>& rulings, const artifact::VersionName& version) {
  const auto found = std::find_if(rulings.begin(), rulings.end(),
                                  [&](const Ruling& ruling) { return ruling.version == version; });
  return found == rulings.end() ? nullptr : &*found;
}

}  // namespace busker::model
