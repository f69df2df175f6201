#include "model/live.h"

#include <fmt/core.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"

namespace busker::model {
namespace {

using nlohmann::json;

constexpr std::size_t kBeforeMax = 100;
constexpr std::size_t kWordsBytesMax = 4096;  // of who moved it, and of why
constexpr int kFormat = 1;
// A try is lost only to another caller's success, so this many in a row means something else.
constexpr int kTriesMax = 100;

std::string PointerKey(const std::string& service, const std::string& service_version) {
  return service + "/" + service_version + "/live.json";
}

// All moves together stay well below what is read again (artifact::Store::GetText).
std::string Bounded(std::string text) {
  if (text.size() <= kWordsBytesMax) return text;
  text.resize(kWordsBytesMax);
  while (!text.empty() && !IsUtf8(text) && text.size() > kWordsBytesMax - 4) text.pop_back();
  return text + "...";
}

json MoveToJson(const LiveMove& move) {
  return {{"version", move.version.Key()},
          {"by", Bounded(move.by)},
          {"why", Bounded(move.why)},
          {"at", FormatRfc3339(move.at)}};
}

std::string PointerToJson(const LivePointer& pointer) {
  json text = MoveToJson(pointer.now);
  text["format"] = kFormat;
  text["before"] = json::array();
  for (const LiveMove& move : pointer.before) text["before"].push_back(MoveToJson(move));
  // A name or reason that is no UTF-8 must not stop a promotion.
  return text.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// May throw json::exception.
Result<LiveMove> MoveFromJson(const json& text) {
  LiveMove move;
  TRY_ASSIGN(move.version, artifact::ParseVersionName(text.at("version").get<std::string>()));
  TRY_ASSIGN(move.at, ParseRfc3339(text.at("at").get<std::string>()));
  move.by = text.at("by").get<std::string>();
  move.why = text.at("why").get<std::string>();
  return move;
}

Result<LivePointer> PointerFromJson(const std::string& text) {
  try {
    const json parsed = json::parse(text);
    const int format = parsed.at("format").get<int>();
    if (format != kFormat) {
      return Unusable(fmt::format("is of format {}, this Busker reads {}", format, kFormat));
    }
    LivePointer pointer;
    TRY_ASSIGN(pointer.now, MoveFromJson(parsed));
    for (const json& move : parsed.at("before")) {
      TRY_ASSIGN(LiveMove before, MoveFromJson(move));
      pointer.before.push_back(std::move(before));
    }
    return pointer;
  } catch (const std::exception& e) {
    return Unusable(e.what());
  }
}

constexpr std::uint64_t kPointerBytesMax = 16u << 20;

// The text of a pointer, which its own reader has understood: one that it refuses could neither be
// promoted over nor rolled back.
Result<std::string> TextToStore(const LivePointer& pointer) {
  std::string text = PointerToJson(pointer);
  if (text.size() > kPointerBytesMax) {
    return Invalid("the reasons of the last moves of the live pointer are too long together");
  }
  if (const auto read = PointerFromJson(text); !read) {
    return Invalid("the live pointer could not be read any more: " + read.error().message);
  }
  return text;
}

// The pointer, and its text as the store has it, which a replacement must expect.
struct Stored {
  std::optional<std::string> text;
  std::optional<LivePointer> pointer;
};

Result<Stored> ReadStored(artifact::Store& store, const std::string& key) {
  auto text = store.GetText(key, kPointerBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return Stored{};
  if (!text) return Wrap("live pointer", text.error());
  auto pointer = PointerFromJson(*text);
  if (!pointer) return Unusable(fmt::format("live pointer {}: {}", key, pointer.error().message));
  return Stored{std::move(*text), std::move(*pointer)};
}

// kNotFound with the versions that could have been meant.
tl::unexpected<Error> NoSuchVersion(artifact::Store& store, const artifact::VersionName& name) {
  const std::string message = fmt::format("there is no version {}", name.Key());
  const auto versions =
      artifact::ListVersions(store, name.service, name.service_version, name.action);
  if (!versions) return NotFound(message);
  if (versions->empty()) {
    return NotFound(fmt::format("{}; {} {} has no version from {} yet", message, name.service,
                                name.service_version, name.action));
  }
  std::vector<std::string> stamps;
  for (const auto& manifest : *versions) stamps.push_back(manifest.name.timestamp);
  if (const auto nearest = Nearest(name.timestamp, stamps)) {
    return NotFound(fmt::format("{}, did you mean {}?", message, *nearest));
  }
  // The neighbours in time: the last before and the first after.
  std::vector<std::string> neighbours;
  for (const auto& stamp : stamps) {
    if (stamp < name.timestamp) neighbours = {stamp};
  }
  for (const auto& stamp : stamps) {
    if (stamp > name.timestamp) {
      neighbours.push_back(stamp);
      break;
    }
  }
  return NotFound(fmt::format("{}; nearest: {}", message, Join(neighbours, ", ")));
}

Result<void> VerifyVersion(artifact::Store& store, const artifact::VersionName& name) {
  const auto manifest = artifact::ReadManifest(store, name);
  if (!manifest && manifest.error().kind == ErrorKind::kNotFound) return NoSuchVersion(store, name);
  if (!manifest) return Wrap(fmt::format("version {}", name.Key()), manifest.error());
  const auto verified = artifact::Verify(store, *manifest);
  if (!verified) return Wrap(fmt::format("version {}", name.Key()), verified.error());
  return {};
}

}  // namespace

Result<std::optional<LivePointer>> ReadLive(artifact::Store& store, const std::string& service,
                                            const std::string& service_version) {
  TRY_ASSIGN(Stored stored, ReadStored(store, PointerKey(service, service_version)));
  return std::move(stored.pointer);
}

Result<LivePointer> Promote(artifact::Store& store, const LiveMove& move) {
  TRY(artifact::ParseVersionName(move.version.Key()));
  const auto key = PointerKey(move.version.service, move.version.service_version);
  TRY(VerifyVersion(store, move.version));
  for (int tries = 0; tries < kTriesMax; ++tries) {
    TRY_ASSIGN(Stored stored, ReadStored(store, key));
    LivePointer next{move, {}};
    if (stored.pointer) {
      if (stored.pointer->now.version == move.version) return std::move(*stored.pointer);
      next.before = std::move(stored.pointer->before);
      next.before.insert(next.before.begin(), std::move(stored.pointer->now));
      if (next.before.size() > kBeforeMax) next.before.resize(kBeforeMax);
    }
    TRY_ASSIGN(const std::string text, TextToStore(next));
    TRY_ASSIGN(const bool replaced, store.ReplaceText(key, stored.text, text));
    if (replaced) return next;
  }
  return Temporary(
      fmt::format("live pointer {}: moved by others at each of {} tries", key, kTriesMax));
}

Result<LivePointer> Rollback(artifact::Store& store, const std::string& service,
                             const std::string& service_version, const std::string& by,
                             Instant at) {
  const auto key = PointerKey(service, service_version);
  std::set<artifact::VersionName> verified;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    TRY_ASSIGN(Stored stored, ReadStored(store, key));
    if (!stored.pointer) {
      return NotFound(fmt::format("nothing of {} {} is live, so there is nothing to roll back",
                                  service, service_version));
    }
    if (stored.pointer->before.empty()) {
      return NotFound(fmt::format("nothing was live before {}, so there is nothing to go back to",
                                  stored.pointer->now.version.Key()));
    }
    const auto& target = stored.pointer->before.front().version;
    if (!verified.contains(target)) {
      TRY(VerifyVersion(store, target));
      verified.insert(target);
    }
    LivePointer next{{target, by, "rollback", at},
                     {stored.pointer->before.begin() + 1, stored.pointer->before.end()}};
    TRY_ASSIGN(const std::string text, TextToStore(next));
    TRY_ASSIGN(const bool replaced, store.ReplaceText(key, stored.text, text));
    if (replaced) return next;
  }
  return Temporary(
      fmt::format("live pointer {}: moved by others at each of {} tries", key, kTriesMax));
}

}  // namespace busker::model
