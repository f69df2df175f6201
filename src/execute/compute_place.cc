#include "execute/compute_place.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace busker::execute {
namespace {

constexpr int kDiskGbMin = 10, kDiskGbMax = 65'536;
constexpr int kSpotAttemptsMax = 100;
constexpr std::int64_t kTimeoutSecondsMax = 100LL * 24 * 3600;  // a VM lives for 120 days at most
constexpr Milliseconds kKeepMax = std::chrono::hours(24);
constexpr std::size_t kNameMax = 63;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// RFC 1035, as Compute Engine has it.
bool IsResourceName(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && IsLower(text.front()) && text.back() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

// "europe-west1-b": a region, and a letter or two.
bool IsZone(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  return IsResourceName(text) && dash != std::string_view::npos && dash > 0 &&
         text.size() - dash <= 3 && IsLower(text.back()) &&
         text.substr(0, dash).find('-') != std::string_view::npos;
}

// "example-project", "example.com:example-project".
bool IsProject(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  return IsResourceName(colon == std::string_view::npos ? text : text.substr(colon + 1)) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '-' || c == '.' || c == ':';
         });
}

// A name, or the resource's path.
bool IsReference(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return IsLower(c) || IsDigit(c) || c == '-' || c == '.' || c == ':' || c == '/' || c == '_' ||
           (c >= 'A' && c <= 'Z');
  });
}

bool IsLabelPart(std::string_view text, bool may_be_empty) {
  if (text.empty()) return may_be_empty;
  return text.size() <= kNameMax && std::all_of(text.begin(), text.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '-' || c == '_';
         });
}

std::optional<std::int64_t> NumberIn(const std::string& text, std::int64_t min, std::int64_t max) {
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_one = fault == std::errc() && end == text.data() + text.size();
  if (!is_one || number < min || number > max) return std::nullopt;
  return number;
}

Result<void> TakeNumber(const std::string& name, const std::string& value, std::int64_t min,
                        std::int64_t max, const auto& take) {
  const auto number = NumberIn(value, min, max);
  if (!number) {
    return Invalid(fmt::format("{}={}: it must be a whole number from {} to {}", name,
                               Printable(value), min, max));
  }
  take(*number);
  return {};
}

Result<void> TakeTruth(const std::string& name, const std::string& value, bool& to) {
  if (value != "true" && value != "false") {
    return Invalid(fmt::format("{}={}: it is true or false", name, Printable(value)));
  }
  to = value == "true";
  return {};
}

Result<void> TakeLabel(const std::string& value, std::map<std::string, std::string>& labels) {
  const std::size_t colon = value.find(':');
  const std::string key = value.substr(0, colon);
  const std::string text = colon == std::string::npos ? "" : value.substr(colon + 1);
  if (!IsLabelPart(key, false) || !IsLower(key.front()) || !IsLabelPart(text, true)) {
    return Invalid(fmt::format(
        "label={}: a label is KEY:VALUE of at most 63 small letters, digits, _ and - each, and the "
        "key begins with a letter",
        Printable(value)));
  }
  if (key.starts_with("busker-")) {
    return Invalid(fmt::format(
        "label={}: labels that begin with busker- are Busker's own; choose another", value));
  }
  labels[key] = text;
  return {};
}

Result<void> Take(ComputeSettings& settings, const std::string& name, const std::string& value) {
  const auto text = [&](std::string& to, bool is_good, std::string_view wanted) -> Result<void> {
    if (!is_good) {
      return Invalid(fmt::format("{}={}: it must be {}", name, Printable(value), wanted));
    }
    to = value;
    return {};
  };
  if (name == "machine_type") {
    return text(settings.machine_type, IsResourceName(value), "a machine type, as e2-standard-2");
  }
  if (name == "image") return text(settings.image, !value.empty(), "a container image");
  if (name == "store") {
    return text(settings.store, value.starts_with("gs://") && value.size() > 5,
                "a bucket of Cloud Storage, gs://BUCKET: VMs reach no other store");
  }
  if (name == "service_account") {
    return text(settings.service_account,
                value.find('@') != std::string::npos && value.find(',') == std::string::npos,
                "the address of a service account, NAME@PROJECT.iam.gserviceaccount.com");
  }
  if (name == "network") return text(settings.network, IsReference(value), "a network's name");
  if (name == "subnetwork") {
    return text(settings.subnetwork, IsReference(value), "a subnetwork's name");
  }
  if (name == "public_ip") return TakeTruth(name, value, settings.has_public_ip);
  if (name == "disk_gb") {
    return TakeNumber(name, value, kDiskGbMin, kDiskGbMax,
                      [&](std::int64_t number) { settings.disk_gb = static_cast<int>(number); });
  }
  if (name == "disk_type") {
    return text(settings.disk_type, IsResourceName(value), "a type of disk, as pd-balanced");
  }
  if (name == "label") return TakeLabel(value, settings.labels);
  if (name == "keep_on_failure") {
    TRY_ASSIGN(settings.keep_on_failure, ParseDuration(value));
    if (settings.keep_on_failure <= kKeepMax) return {};
    return Invalid(fmt::format("keep_on_failure={}: a VM is kept for a day at most", value));
  }
  if (name == "spot_attempts") {
    return TakeNumber(name, value, 0, kSpotAttemptsMax, [&](std::int64_t number) {
      settings.spot_attempts = static_cast<int>(number);
    });
  }
  if (name == "timeout_s") {
    return TakeNumber(name, value, 1, kTimeoutSecondsMax, [&](std::int64_t number) {
      settings.timeout = std::chrono::seconds(number);
    });
  }
  return Invalid(fmt::format("unknown setting \"{}\"", Printable(name)));
}

Result<void> CheckComplete(const ComputeSettings& settings) {
  const std::pair<const char*, const std::string*> needed[] = {
      {"machine_type", &settings.machine_type},
      {"image", &settings.image},
      {"store", &settings.store},
      {"service_account", &settings.service_account}};
  for (const auto& [name, value] : needed) {
    if (value->empty()) return Invalid(fmt::format("{} is not said, and is needed", name));
  }
  return {};
}

}  // namespace

Result<ComputePlace> ComputePlaceIn(const std::string& place) {
  const std::string before = place.substr(0, place.find('?'));
  if (!before.starts_with(kComputeEngine)) {
    return Invalid(fmt::format("{}: no place of Compute Engine", Printable(place)));
  }
  const std::string rest = before.substr(kComputeEngine.size());
  const std::size_t slash = rest.find('/');
  ComputePlace found{rest.substr(0, slash), {}};
  if (slash != std::string::npos) found.zones = Split(rest.substr(slash + 1), ',');
  if (!IsProject(found.project) || found.zones.empty()) {
    return Invalid(
        fmt::format("{}: write compute-engine://PROJECT/ZONE, or several zones with "
                    "commas between: they are asked in their order",
                    Printable(before)));
  }
  for (auto zone = found.zones.begin(); zone != found.zones.end(); ++zone) {
    if (!IsZone(*zone)) {
      return Invalid(fmt::format("{}: \"{}\" is not a zone; zones are named as europe-west1-b",
                                 Printable(before), Printable(*zone)));
    }
    if (std::find(found.zones.begin(), zone, *zone) != zone) {
      return Invalid(fmt::format("{}: {} is there twice", before, *zone));
    }
  }
  return found;
}

Result<ComputeSettings> ComputeSettingsIn(const std::string& place) {
  ComputeSettings settings;
  TRY_ASSIGN(settings.place, ComputePlaceIn(place));
  const std::size_t mark = place.find('?');
  const std::string query = mark == std::string::npos ? "" : place.substr(mark + 1);
  for (const std::string& part : Split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (auto taken = Take(settings, part.substr(0, equals), value); !taken) {
      return Wrap(place.substr(0, mark), std::move(taken).error());
    }
  }
  if (auto complete = CheckComplete(settings); !complete) {
    return Wrap(place.substr(0, mark), std::move(complete).error());
  }
  return settings;
}

std::string RegionOf(const std::string& zone) { return zone.substr(0, zone.rfind('-')); }

}  // namespace busker::execute
