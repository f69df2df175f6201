// The manifest and the metrics as JSON.
#include <fmt/core.h>

#include "artifact/key.h"
#include "artifact/version.h"
#include "base/json_object.h"
#include "base/text.h"

namespace busker::artifact {
namespace {

using nlohmann::ordered_json;

bool IsSha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// As eight hexadecimal digits.
std::string Crc32cText(std::uint32_t crc32c) { return fmt::format("{:08x}", crc32c); }

std::optional<std::uint32_t> ParseCrc32c(const std::string& text) {
  const bool good =
      text.size() == 8 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!good) return std::nullopt;
  return static_cast<std::uint32_t>(std::stoul(text, nullptr, 16));
}

ordered_json FilesToJson(const Manifest& manifest) {
  std::map<std::string, ordered_json> object;
  for (const auto& [path, digest] : manifest.files) {
    ordered_json& file = object[path];
    file = {{"size_bytes", digest.size_bytes}, {"sha256", digest.sha256}};
    if (digest.crc32c) file["crc32c"] = Crc32cText(*digest.crc32c);
    if (manifest.executables.contains(path)) file["executable"] = true;
  }
  return object;  // at once: a member more takes a look at all of them
}

Result<void> FilesFromJson(const ordered_json& object, Manifest& manifest) {
  if (!object.is_object()) return Invalid("\"files\" is missing or no object");
  for (const auto& [path, entry] : object.items()) {
    TRY(CheckKey(path));  // so that no manifest can make Load write elsewhere
    io::FileDigest digest;
    JsonObject in(entry, fmt::format("\"files\": \"{}\"", path));
    in.Get("size_bytes", digest.size_bytes);
    in.Get("sha256", digest.sha256);
    bool executable = false;  // not said before there were such
    if (!in.Member("executable").is_null()) in.Get("executable", executable);
    std::optional<std::string> crc32c;  // nor this
    in.Get("crc32c", crc32c);
    TRY(in.Done());
    if (!IsSha256(digest.sha256)) return Invalid(fmt::format("the digest of \"{}\" is none", path));
    if (crc32c) {
      digest.crc32c = ParseCrc32c(*crc32c);
      if (!digest.crc32c) return Invalid(fmt::format("the CRC-32C of \"{}\" is none", path));
    }
    if (executable) manifest.executables.insert(path);
    manifest.files.emplace(path, std::move(digest));
  }
  return {};
}

Result<void> EmptyFoldersFromJson(const ordered_json& array, Manifest& manifest) {
  if (array.is_null()) return {};
  if (!array.is_array()) return Invalid("\"empty_folders\" is not an array");
  for (const ordered_json& path : array) {
    if (!path.is_string()) return Invalid("\"empty_folders\" holds something that is not text");
    TRY(CheckKey(path.get<std::string>()));
    manifest.empty_folders.insert(path.get<std::string>());
  }
  return {};
}

ordered_json EnvironmentToJson(const Environment& environment) {
  return {{"python", environment.python},
          {"packages", ordered_json(environment.packages)},
          {"sha256", environment.sha256}};
}

// Absent where the program is none in Python, and in manifests of before it was asked for.
Result<void> EnvironmentFromJson(const ordered_json& object, Manifest& manifest) {
  if (object.is_null()) return {};
  Environment environment;
  JsonObject in(object, "\"environment\"");
  in.Get("python", environment.python);
  in.GetBytes("packages", environment.packages);
  in.Get("sha256", environment.sha256);
  TRY(in.Done());
  manifest.environment = std::move(environment);
  return {};
}

}  // namespace

std::string ManifestToJson(const Manifest& manifest) {
  ordered_json value = {
      {"name", manifest.name.service},
      {"version", manifest.name.service_version},
      {"action", manifest.name.action},
      {"timestamp", manifest.name.timestamp},
      {"files", FilesToJson(manifest)},
      {"metrics", ordered_json(manifest.metrics)},
      {"run", manifest.run},
      {"task", manifest.task},
      {"attempt", manifest.attempt},
      {"scheduled_at", FormatRfc3339(manifest.scheduled_at)},
      {"data_date", manifest.data_date},
      {"command", JsonBytes(manifest.command)},
      {"source_commit", manifest.source_commit},
      {"folder_commit", manifest.folder_commit},
      {"config_sha256", manifest.config_sha256},
      {"input", manifest.input ? ordered_json(*manifest.input) : ordered_json()},
      {"runner_version", manifest.runner_version},
      {"saved_at", FormatRfc3339(manifest.saved_at)},
  };
  if (manifest.environment) value["environment"] = EnvironmentToJson(*manifest.environment);
  if (!manifest.image.empty()) value["image"] = manifest.image;
  if (!manifest.empty_folders.empty()) value["empty_folders"] = manifest.empty_folders;
  return JsonText(value);
}

Result<Manifest> ManifestFromJson(const std::string& text) {
  TRY_ASSIGN(const ordered_json value, ParseJson(text, "manifest.json"));
  Manifest manifest;
  JsonObject in(value, "manifest.json");
  in.Get("name", manifest.name.service);
  in.Get("version", manifest.name.service_version);
  in.Get("action", manifest.name.action);
  in.Get("timestamp", manifest.name.timestamp);
  in.Get("metrics", manifest.metrics);
  in.Get("run", manifest.run);
  in.Get("task", manifest.task);
  in.Get("attempt", manifest.attempt);
  in.Get("scheduled_at", manifest.scheduled_at);
  in.Get("data_date", manifest.data_date);
  in.GetBytes("command", manifest.command);
  in.Get("source_commit", manifest.source_commit);
  manifest.folder_commit = manifest.source_commit;  // it was all there was
  if (!in.Member("folder_commit").is_null()) in.Get("folder_commit", manifest.folder_commit);
  in.Get("config_sha256", manifest.config_sha256);
  in.Get("input", manifest.input);
  in.Get("runner_version", manifest.runner_version);
  if (!in.Member("image").is_null()) in.Get("image", manifest.image);
  in.Get("saved_at", manifest.saved_at);
  TRY(in.Done());
  auto contents = FilesFromJson(in.Member("files"), manifest);
  if (contents) contents = EmptyFoldersFromJson(in.Member("empty_folders"), manifest);
  if (contents) contents = EnvironmentFromJson(in.Member("environment"), manifest);
  if (!contents) return Wrap("manifest.json", contents.error());
  auto name = ParseVersionName(manifest.name.Key());
  if (!name) return Wrap("manifest.json", name.error());
  return manifest;
}

namespace {

// What Python's json.dump writes of a number that is none: no JSON, and the metric's name says more
// than a parser does. Its place is that of the value.
std::optional<Error> FindNoNumber(const std::string& json) {
  std::string name;
  int line = 1, column = 1;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\' && i + 1 < json.size()) {
        name += {c, json[++i]};
        ++column;
      } else if (c == '"') {
        in_text = false;
      } else {
        name += c;
      }
    } else if (c == '"') {
      in_text = true;
      name.clear();
    } else {
      for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
        if (std::string_view(json).substr(i).starts_with(word)) {
          return Invalid(fmt::format("metrics.json:{}:{}: \"{}\" is {}, which is not a number",
                                     line, column, Printable(name), word))
              .value();
        }
      }
    }
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    column = c == '\n' ? 1 : continues ? column : column + 1;
    line += c == '\n' ? 1 : 0;
  }
  return std::nullopt;
}

}  // namespace

Result<std::map<std::string, double>> ParseMetrics(const std::string& json) {
  auto parsed = ParseJson(json, "metrics.json");
  if (!parsed) return tl::unexpected(FindNoNumber(json).value_or(parsed.error()));
  const ordered_json& value = *parsed;
  if (!value.is_object()) return Invalid("metrics.json: it is not an object of numbers");
  std::map<std::string, double> metrics;
  for (const auto& [name, number] : value.items()) {
    if (!number.is_number()) {
      return Invalid(fmt::format("metrics.json: \"{}\" is {}, not a number", name,
                                 number.is_null() ? "null" : number.type_name()));
    }
    metrics.emplace(name, number.get<double>());
  }
  return metrics;
}

}  // namespace busker::artifact
