#include "model/live.h"

#include <fmt/core.h>

#include <map>

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
  ordered_json text = {{"version", move.version.Key()},
                       {"by", Bounded(move.by)},
                       {"why", Bounded(move.why)},
                       {"at", FormatRfc3339(move.at)}};
  if (!move.check.empty()) text["check"] = Bounded(move.check);
  return text;
}

ordered_json PinToJson(const Pin& pin) {
  return {{"by", Bounded(pin.by)}, {"why", Bounded(pin.why)}, {"at", FormatRfc3339(pin.at)}};
}

std::string PointerToJson(const LivePointer& pointer) {
  ordered_json text = MoveToJson(pointer.now);
  text["format"] = kFormat;
  text["before"] = ordered_json::array();
  for (const LiveMove& move : pointer.before) text["before"].push_back(MoveToJson(move));
  if (pointer.pin) text["pin"] = PinToJson(*pointer.pin);
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
  std::optional<std::string> check;
  in.Get("check", check);
  TRY(in.Done());
  move.check = std::move(check).value_or("");
  auto name = artifact::ParseVersionName(version);
  if (!name) return Wrap(what, name.error());
  move.version = *std::move(name);
  return move;
}

Result<Pin> PinFromJson(const ordered_json& value, const std::string& what) {
  Pin pin;
  JsonObject in(value, what + ": pin");
  in.Get("by", pin.by);
  in.Get("why", pin.why);
  in.Get("at", pin.at);
  TRY(in.Done());
  return pin;
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
  if (const ordered_json& pin = in.Member("pin"); !pin.is_null()) {
    TRY_ASSIGN(pointer.pin, PinFromJson(pin, what));
  }
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

// Replaces the pointer by what `next` makes of it, anew when another was quicker. The same text is
// not written.
template <typename Next>
Result<LivePointer> Change(artifact::Store& store, const std::string& key, const Next& next,
                           const io::Interrupt& interrupt) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    TRY_ASSIGN(const Stored stored, ReadStored(store, key, interrupt));
    TRY_ASSIGN(LivePointer changed, next(stored.pointer));
    TRY_ASSIGN(const std::string text, TextToStore(changed));
    if (stored.pointer && PointerToJson(*stored.pointer) == text) return changed;
    TRY_ASSIGN(const bool replaced, store.ReplaceText(key, stored.text, text, interrupt));
    if (replaced) return changed;
  }
  return Temporary(
      fmt::format("live pointer {}: moved by others at each of {} tries", key, kTriesMax));
}

Result<void> CheckPin(const LivePointer& now, Pinned pinned) {
  if (!now.pin || pinned == Pinned::kUnpin) return {};
  return Invalid(fmt::format("{} stays live: it is {}; busker unpin ends that, or --unpin here",
                             now.now.version.timestamp, Sentence(*now.pin)));
}

// kNotFound with the versions that could have been meant.
tl::unexpected<Error> NoSuchVersion(artifact::Store& store, const artifact::VersionName& name,
                                    const io::Interrupt& interrupt) {
  const std::string message = fmt::format("no version {}", name.Key());
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

std::string Sentence(const Pin& pin) {
  return fmt::format("pinned by {} since {}: {}", pin.by, FormatRfc3339(pin.at), pin.why);
}

Result<artifact::Manifest> VerifyVersion(artifact::Store& store, const artifact::VersionName& name,
                                         const io::Interrupt& interrupt) {
  auto manifest = artifact::ReadManifest(store, name, interrupt);
  if (!manifest && manifest.error().kind == ErrorKind::kNotFound)
    return NoSuchVersion(store, name, interrupt);
  if (!manifest) return Wrap(fmt::format("version {}", name.Key()), manifest.error());
  const auto verified = artifact::Verify(store, *manifest, interrupt);
  if (!verified) return Wrap(fmt::format("version {}", name.Key()), verified.error());
  return manifest;
}

Result<LivePointer> Promote(artifact::Store& store, const LiveMove& move,
                            const io::Interrupt& interrupt, Pinned pinned,
                            const FirstCheck& check) {
  TRY(artifact::ParseVersionName(move.version.Key()));
  TRY_ASSIGN(const artifact::Manifest manifest, VerifyVersion(store, move.version, interrupt));
  LiveMove checked = move;
  if (check) {
    TRY_ASSIGN(checked.check, check(manifest));
  }
  return MoveLive(store, checked, interrupt, pinned);
}

Result<LivePointer> MoveLive(artifact::Store& store, const LiveMove& move,
                             const io::Interrupt& interrupt, Pinned pinned) {
  const auto key = PointerKey(move.version.service, move.version.service_version);
  const auto next = [&](const std::optional<LivePointer>& now) -> Result<LivePointer> {
    LivePointer moved{move, {}};
    if (!now) return moved;
    if (now->now.version == move.version) return *now;
    TRY(CheckPin(*now, pinned));
    moved.before = now->before;
    moved.before.insert(moved.before.begin(), now->now);
    if (moved.before.size() > kBeforeMax) moved.before.resize(kBeforeMax);
    return moved;
  };
  return Change(store, key, next, interrupt);
}

Result<LivePointer> Rollback(artifact::Store& store, const std::string& service,
                             const std::string& service_version, const std::string& by, Instant at,
                             const io::Interrupt& interrupt, Pinned pinned,
                             const FirstCheck& check) {
  const auto key = PointerKey(service, service_version);
  std::map<artifact::VersionName, std::string> checked;
  const auto next = [&](const std::optional<LivePointer>& now) -> Result<LivePointer> {
    if (!now) {
      return NotFound(fmt::format("nothing of {} {} is live, so there is nothing to roll back",
                                  service, service_version));
    }
    if (now->before.empty()) {
      return NotFound(fmt::format("nothing was live before {}, so there is nothing to go back to",
                                  now->now.version.Key()));
    }
    TRY(CheckPin(*now, pinned));
    const auto& target = now->before.front().version;
    if (!checked.contains(target)) {
      TRY_ASSIGN(const artifact::Manifest manifest, VerifyVersion(store, target, interrupt));
      std::string sentence;
      if (check) {
        TRY_ASSIGN(sentence, check(manifest));
      }
      checked[target] = sentence;
    }
    return LivePointer{{target, by, "rollback", at, checked[target]},
                       {now->before.begin() + 1, now->before.end()}};
  };
  return Change(store, key, next, interrupt);
}

Result<LivePointer> PinLive(artifact::Store& store, const artifact::VersionName& version,
                            const Pin& pin, const io::Interrupt& interrupt) {
  const auto next = [&](const std::optional<LivePointer>& now) -> Result<LivePointer> {
    if (!now || now->now.version != version) {
      return Invalid(
          fmt::format("{} is not live{}; what is live can be pinned: busker promote {} comes first",
                      version.timestamp, now ? ", " + now->now.version.timestamp + " is" : "",
                      version.timestamp));
    }
    LivePointer pinned = *now;
    pinned.pin = pin;
    return pinned;
  };
  return Change(store, PointerKey(version.service, version.service_version), next, interrupt);
}

Result<LivePointer> Unpin(artifact::Store& store, const std::string& service,
                          const std::string& service_version, const io::Interrupt& interrupt) {
  const auto next = [&](const std::optional<LivePointer>& now) -> Result<LivePointer> {
    if (!now || !now->pin)
      return NotFound(fmt::format("nothing of {} {} is pinned", service, service_version));
    LivePointer unpinned = *now;
    unpinned.pin.reset();
    return unpinned;
  };
  return Change(store, PointerKey(service, service_version), next, interrupt);
}

}  // namespace busker::model
