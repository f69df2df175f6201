#include "artifact/retirement.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "artifact/manifest_file.h"
#include "base/json_object.h"

namespace busker::artifact {
namespace {

using nlohmann::ordered_json;
using State = Retirement::State;

constexpr char kWord[] = "retired";
constexpr std::array kStates = {"retired", "going", "gone"};

Result<std::string> TextAt(Store& store, const VersionName& name, const io::Interrupt& interrupt) {
  return store.GetText(ManifestKey(name), interrupt, kManifestBytesMax);
}

Result<bool> Become(Store& store, const Retirement& before, State state,
                    const io::Interrupt& interrupt) {
  Retirement after = before;
  after.state = state;
  return store.ReplaceText(ManifestKey(before.manifest.name), RetirementToJson(before),
                           RetirementToJson(after), interrupt);
}

}  // namespace

std::string Sentence(const Retirement& retirement) {
  const std::string key = retirement.manifest.name.Key();
  if (retirement.state != State::kRetired) {
    return fmt::format("version {} was removed ({})", key, retirement.why);
  }
  return fmt::format("version {} was retired ({}); busker gc --take-back {} brings it back", key,
                     retirement.why, key);
}

std::string RetirementToJson(const Retirement& retirement) {
  return JsonText({{kWord,
                    {{"at", FormatRfc3339(retirement.at)},
                     {"why", retirement.why},
                     {"state", kStates.at(static_cast<std::size_t>(retirement.state))}}},
                   {"manifest", ParseOwnJson(retirement.text, kManifestFile).value()}});
}

Result<Retirement> RetirementFromJson(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, ParseJson(text, kManifestFile));
  JsonObject outer(value, kManifestFile);
  const ordered_json& member = outer.Member(kWord);
  const ordered_json& manifest = outer.Member("manifest");
  TRY(outer.Done());
  Retirement retirement;
  std::string state;
  JsonObject in(member, fmt::format("{}: \"{}\"", kManifestFile, kWord));
  in.Get("at", retirement.at);
  in.Get("why", retirement.why);
  in.Get("state", state);
  TRY(in.Done());
  const auto* const found = std::find(kStates.begin(), kStates.end(), state);
  if (found == kStates.end()) {
    return Invalid(fmt::format("{}: \"{}\" is not a state of a version", kManifestFile, state));
  }
  retirement.state = static_cast<State>(found - kStates.begin());
  retirement.text = JsonText(manifest);
  TRY_ASSIGN(retirement.manifest, ManifestFromJson(retirement.text));
  return retirement;
}

Result<bool> Retire(Store& store, const Manifest& version, Instant at, const std::string& why,
                    const io::Interrupt& interrupt) {
  auto text = TextAt(store, version.name, interrupt);
  if (!text && text.error().kind == ErrorKind::kNotFound) return false;
  TRY(text);
  auto manifest = ManifestFromJson(*text);
  if (!manifest || manifest->name != version.name) return false;
  const std::string retired = RetirementToJson({*std::move(manifest), *text, at, why});
  if (retired.size() > kManifestBytesMax) return false;  // nothing could read it any more
  return store.ReplaceText(ManifestKey(version.name), *text, retired, interrupt);
}

Result<std::vector<Retirement>> ListRetired(Store& store, const std::string& service,
                                            const io::Interrupt& interrupt) {
  std::vector<Retirement> retired;
  TRY_ASSIGN(const auto of_service, store.ListFolders(service, interrupt));
  for (const std::string& service_version : of_service) {
    TRY(ListVersions(store, service, service_version, "", interrupt, nullptr, &retired));
  }
  return retired;
}

Result<void> TakeBack(Store& store, const Retirement& retirement, const io::Interrupt& interrupt) {
  if (retirement.state != State::kRetired) return Invalid(Sentence(retirement));
  const VersionName& name = retirement.manifest.name;
  TRY_ASSIGN(const bool is_back, store.ReplaceText(ManifestKey(name), RetirementToJson(retirement),
                                                   retirement.text, interrupt));
  if (is_back) return {};
  TRY_ASSIGN(const std::string now, TextAt(store, name, interrupt));
  if (auto other = RetirementFromJson(now)) return Invalid(Sentence(*other));
  return {};  // somebody else has
}

Result<bool> RemoveFiles(ClearableStore& store, const Retirement& retirement,
                         const io::Interrupt& interrupt) {
  Retirement going = retirement;
  if (going.state == State::kGone) return true;
  if (going.state == State::kRetired) {
    TRY_ASSIGN(const bool is_ours, Become(store, going, State::kGoing, interrupt));
    if (!is_ours) return false;
    going.state = State::kGoing;
  }
  const std::string key = ManifestKey(going.manifest.name);
  TRY_ASSIGN(auto files, store.ListWritten(going.manifest.name.Key(), interrupt));
  std::erase_if(files, [&](const Written& file) { return file.key == key; });
  TRY(store.Remove(files, interrupt));
  TRY(Become(store, going, State::kGone, interrupt));
  return true;
}

}  // namespace busker::artifact
