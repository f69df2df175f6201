#include "execute/places_in_use.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "io/digest.h"

namespace busker::execute {
namespace {

using nlohmann::json;

constexpr std::size_t kPlacesMax = 100;

struct Noted {
  std::string place;
  std::set<std::string> stores;
};

std::optional<Noted> Read(const io::fs::path& file) {
  const auto text = io::ReadFile(file);
  if (!text) return std::nullopt;
  const json note = json::parse(*text, nullptr, false);
  if (!note.is_object() || !note.contains("place") || !note["place"].is_string()) {
    return std::nullopt;
  }
  Noted noted{note["place"], {}};
  for (const json& store : note.value("stores", json::array())) {
    if (store.is_string()) noted.stores.insert(store.get<std::string>());
  }
  return noted;
}

}  // namespace

io::fs::path PlacesInUse::FileOf(const std::string& place) const {
  return folder_ / (io::Sha256Of(place) + ".json");
}

std::vector<std::string> PlacesInUse::All() const {
  std::vector<std::string> all;
  std::error_code error;
  for (io::fs::directory_iterator file(folder_, error), end; !error && file != end;
       file.increment(error)) {
    if (all.size() == kPlacesMax) break;
    const auto noted = Read(file->path());
    if (noted && FileOf(noted->place) == file->path()) all.push_back(noted->place);
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::set<std::string> PlacesInUse::StoresOf(const std::string& place) const {
  auto noted = Read(FileOf(place));
  return noted ? std::move(noted->stores) : std::set<std::string>();
}

Result<void> PlacesInUse::Note(const std::string& place,
                               const std::set<std::string>& stores) const {
  TRY(io::MakeFolders(folder_, 0700));
  return io::WriteFileAtomically(FileOf(place), json{{"place", place}, {"stores", stores}}.dump(),
                                 0600);
}

void PlacesInUse::Forget(const std::string& place) const {
  std::error_code error;
  io::fs::remove(FileOf(place), error);
}

}  // namespace busker::execute
