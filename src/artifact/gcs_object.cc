#include "artifact/gcs_object.h"

#include <nlohmann/json.hpp>

#include "cloud/json_members.h"
#include "io/url.h"

namespace busker::artifact {
namespace {

using cloud::NumberIn;
using cloud::TextIn;
using nlohmann::json;

constexpr char kSha256[] = "busker-sha256";
constexpr char kWriter[] = "busker-writer";

Result<GcsObject> ObjectOf(const json& value) {
  GcsObject object;
  object.name = TextIn(value, "name");
  object.generation = NumberIn(value, "generation");
  object.size_bytes = NumberIn(value, "size");
  object.crc32c = TextIn(value, "crc32c");
  object.written_at = ParseRfc3339(TextIn(value, "timeCreated")).value_or(Instant::max());
  if (const auto metadata = value.find("metadata");
      metadata != value.end() && metadata->is_object()) {
    object.sha256 = TextIn(*metadata, kSha256);
    object.writer = TextIn(*metadata, kWriter);
  }
  if (!object.name.empty() && object.generation != 0) return object;
  return Temporary("it answered something that is not an object of Cloud Storage");
}

Result<json> Parsed(const std::string& text) {
  auto parsed = json::parse(text, nullptr, false);
  if (parsed.is_object()) return parsed;
  return Temporary("it answered something that is not JSON");
}

}  // namespace

Result<GcsObject> GcsObjectIn(const std::string& text) {
  TRY_ASSIGN(const json value, Parsed(text));
  return ObjectOf(value);
}

Result<GcsPage> GcsPageIn(const std::string& text) {
  TRY_ASSIGN(const json value, Parsed(text));
  GcsPage page;
  page.next = TextIn(value, "nextPageToken");
  for (const json& item : value.value("items", json::array())) {
    TRY_ASSIGN(GcsObject object, ObjectOf(item));
    page.objects.push_back(std::move(object));
  }
  for (const json& prefix : value.value("prefixes", json::array())) {
    if (prefix.is_string()) page.prefixes.push_back(prefix.get<std::string>());
  }
  return page;
}

std::string GcsResource(const std::string& name, const io::FileDigest& digest,
                        const std::string& type, const std::string& writer) {
  json resource = {{"name", name},
                   {"contentType", type},
                   {"metadata", {{kSha256, digest.sha256}, {kWriter, writer}}}};
  if (digest.crc32c) resource["crc32c"] = GcsCrc32c(*digest.crc32c);
  return resource.dump();
}

std::string GcsCrc32c(std::uint32_t crc32c) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc32c >> shift & 0xFF);
  return io::Base64Of(bytes);
}

std::string DifferenceOf(const GcsObject& object, const io::FileDigest& digest) {
  if (object.size_bytes != digest.size_bytes) return "its size is another";
  if (digest.crc32c && object.crc32c != GcsCrc32c(*digest.crc32c)) return "its CRC-32C is another";
  // Who wrote it may have been somebody else, and then it says nothing.
  if (!digest.crc32c && !object.sha256.empty() && object.sha256 != digest.sha256) {
    return "its SHA-256 is another";
  }
  return {};
}

}  // namespace busker::artifact
