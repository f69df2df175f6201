#include "model/live.h"

#include <fmt/core.h>

#include <set>

#include "base/json_object.h"
#include "base/text.h"

namespace busker::model {
namespace {

using nlohmann::ordered_json;

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

ordered_json MoveToJson(const LiveMove& move) {
  return {{"version", move.version.Key()},
          {"by", Bounded(move.by)},
          {"why", Bounded(move.why)},
          {"at", FormatRfc3339(move.at)}};
}

std::string PointerToJson(const LivePointer& pointer) {
  ordered_json text = MoveToJson(pointer.now);
  text["format"] = kFormat;
  text["before"] = ordered_json::array();
  for (const LiveMove& move : pointer.before) text["before"].push_back(MoveToJson(move));
  // A name or reason that is no UTF-8 must not stop a promotion.
  return JsonText(text);
}

Result<LiveMove> MoveFromJson(const ordered_json& value, const std::string& what) {
  LiveMove move;
  std::string version;
  JsonObject in(value, what);
  in.Get("version", version);
  in.Require("at");
  in.Get("at", move.at);
  in.Get("by", move.by);
  in.Get("why", move.why);
  TRY(in.Done());
  auto name = artifact::ParseVersionName(version);
  if (!name) return Wrap(what, name.error());
  move.version = *std::move(name);
  return move;
}

// Errors name the place: "WHAT: ...".
Result<LivePointer> PointerFromJson(const std::string& text, const std::string& what) {
  TRY_ASSIGN(const ordered_json value, ParseOwnJson(text, what));
  LivePointer pointer;
  int format = 0;
  JsonObject in(value, what);
  in.Get("format", format);
  TRY(in.Done());
  if (format != kFormat) {
    return Unusable(fmt::format("{} is of format {}, this Busker reads {}", what, format, kFormat));
  }
  in.GetEach("before", pointer.before,
             [&](const ordered_json& move) { return MoveFromJson(move, what); });
  TRY(in.Done());
  TRY_ASSIGN(pointer.now, MoveFromJson(value, what));
  return pointer;
}

constexpr std::uint64_t kPointerBytesMax = 16u << 20;

// The text of a pointer, which its own reader has understood: one that it refuses could neither be
// promoted over nor rolled back.
Result<std::string> TextToStore(const LivePointer& pointer) {
  std::string text = PointerToJson(pointer);
  if (text.size() > kPointerBytesMax) {
    return Invalid("the reasons of the last moves of the live pointer are too long together");
  }
  if (const auto read = PointerFromJson(text, "it could not be read any more"); !read) {
    return Invalid("the live pointer is not moved: " + read.error().message);
  }
  return text;
}

// The pointer, and its text as the store has it, which a replacement must expect.
struct Stored {
  std::optional<std::string> text;
  std::optional<LivePointer> pointer;
};

Result<Stored> ReadStored(artifact::Store& store, const std::string& key,
                          const io::Interrupt& interrupt) {
  auto text = store.GetText(key, interrupt, kPointerBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return Stored{};
  if (!text) return Wrap("live pointer", text.error());
  auto pointer = PointerFromJson(*text, "live pointer " + key);
  if (!pointer) return Unusable(std::move(pointer).error().message);
  return Stored{std::move(*text), std::move(*pointer)};
}

// kNotFound with the versions that could have been meant.
tl::unexpected<Error> NoSuchVersion(artifact::Store& store, const artifact::VersionName& name,
                                    const io::Interrupt& interrupt) {
  const std::string message = fmt::format("there is no version {}", name.Key());
  const auto versions =
      artifact::ListVersions(store, name.service, name.service_version, name.action, interrupt);
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

}  // namespace

Result<std::optional<LivePointer>> ReadLive(artifact::Store& store, const std::string& service,
                                            const std::string& service_version,
                                            const io::Interrupt& interrupt) {
  TRY_ASSIGN(Stored stored, ReadStored(store, PointerKey(service, service_version), interrupt));
  return std::move(stored.pointer);
}

Result<void> VerifyVersion(artifact::Store& store, const artifact::VersionName& name,
                           const io::Interrupt& interrupt) {
  const auto manifest = artifact::ReadManifest(store, name, interrupt);
  if (!manifest && manifest.error().kind == ErrorKind::kNotFound)
    return NoSuchVersion(store, name, interrupt);
  if (!manifest) return Wrap(fmt::format("version {}", name.Key()), manifest.error());
  const auto verified = artifact::Verify(store, *manifest, interrupt);
  if (!verified) return Wrap(fmt::format("version {}", name.Key()), verified.error());
  return {};
}

Result<LivePointer> Promote(artifact::Store& store, const LiveMove& move,
                            const io::Interrupt& interrupt) {
  TRY(artifact::ParseVersionName(move.version.Key()));
  TRY(VerifyVersion(store, move.version, interrupt));
  return MoveLive(store, move, interrupt);
}

Result<LivePointer> MoveLive(artifact::Store& store, const LiveMove& move,
                             const io::Interrupt& interrupt) {
  const auto key = PointerKey(move.version.service, move.version.service_version);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    TRY_ASSIGN(Stored stored, ReadStored(store, key, interrupt));
    LivePointer next{move, {}};
    if (stored.pointer) {
      if (stored.pointer->now.version == move.version) return std::move(*stored.pointer);
      next.before = std::move(stored.pointer->before);
      next.before.insert(next.before.begin(), std::move(stored.pointer->now));
      if (next.before.size() > kBeforeMax) next.before.resize(kBeforeMax);
    }
    TRY_ASSIGN(const std::string text, TextToStore(next));
    TRY_ASSIGN(const bool replaced, store.ReplaceText(key, stored.text, text, interrupt));
    if (replaced) return next;
  }
  return Temporary(
      fmt::format("live pointer {}: moved by others at each of {} tries", key, kTriesMax));
}

Result<LivePointer> Rollback(artifact::Store& store, const std::string& service,
                             const std::string& service_version, const std::string& by, Instant at,
                             const io::Interrupt& interrupt) {
  const auto key = PointerKey(service, service_version);
  std::set<artifact::VersionName> verified;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    TRY_ASSIGN(Stored stored, ReadStored(store, key, interrupt));
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
      TRY(VerifyVersion(store, target, interrupt));
      verified.insert(target);
    }
    LivePointer next{{target, by, "rollback", at},
                     {stored.pointer->before.begin() + 1, stored.pointer->before.end()}};
    TRY_ASSIGN(const std::string text, TextToStore(next));
    TRY_ASSIGN(const bool replaced, store.ReplaceText(key, stored.text, text, interrupt));
    if (replaced) return next;
  }
  return Temporary(
      fmt::format("live pointer {}: moved by others at each of {} tries", key, kTriesMax));
}

}  // namespace busker::model
