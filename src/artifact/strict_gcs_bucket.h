// What a bucket of Cloud Storage does, without HTTP: for tests only (strict_gcs.h). Heavy
// (nlohmann): for .cc files only.
//
// Every condition counts for every method, uploads by session accept what comes next and nothing
// else, and what is asked in a way that the API's reference does not have is refused: a client that
// is lenient with itself does not pass.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/time.h"
#include "io/crc32c.h"
#include "io/url.h"

namespace busker::artifact {

// What a request is answered.
struct StrictAnswer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

inline StrictAnswer StrictFault(int status, const std::string& message) {
  return {status,
          nlohmann::json{{"error", {{"code", status}, {"message", message}}}}.dump(),
          {{"Content-Type", "application/json"}}};
}

class StrictGcsBucket {
 public:
  using json = nlohmann::ordered_json;
  using Query = std::map<std::string, std::string>;
  static constexpr std::uint64_t kQuantum = 256u << 10;  // of what a session keeps and takes

  explicit StrictGcsBucket(std::size_t page_max) : page_max_(page_max) {}

  StrictAnswer Get(const std::string& name, const Query& query, const std::string& range) {
    const Object* const object = Find(name);
    if (object == nullptr || !IsGeneration(*object, query)) return NoSuchObject(name);
    if (auto refused = Refusal(object, query)) return *refused;
    if (query.contains("alt")) return Media(*object, range);
    return {200, Only(Resource(*object), query).dump(), {}};
  }

  StrictAnswer Remove(const std::string& name, const Query& query) {
    const Object* const object = Find(name);
    if (object == nullptr) return NoSuchObject(name);
    if (auto refused = Refusal(object, query)) return *refused;
    objects_.erase(name);
    return {204, "", {}};
  }

  StrictAnswer List(const Query& query) {
    const auto get = [&](const char* key) {
      const auto found = query.find(key);
      return found == query.end() ? std::string() : found->second;
    };
    const std::string prefix = get("prefix"), delimiter = get("delimiter");
    std::size_t max = page_max_;
    if (const std::string asked = get("maxResults"); !asked.empty()) {
      max = std::min<std::size_t>(max, std::stoul(asked));
    }
    json page = {{"kind", "storage#objects"}};
    std::string last;  // what this page ends with: an object, or a group with all that is in it
    std::size_t count = 0;
    for (const auto& [name, object] : objects_) {
      if (!name.starts_with(prefix) || name <= get("pageToken")) continue;
      const std::size_t cut =
          delimiter.empty() ? std::string::npos : name.find(delimiter, prefix.size());
      const std::string group =
          cut == std::string::npos ? "" : name.substr(0, cut + delimiter.size());
      if (!group.empty() && (get("pageToken").starts_with(group) || last == group)) continue;
      if (count++ == max) {
        page["nextPageToken"] =
            last.ends_with(delimiter) && !delimiter.empty() ? last + "\x7f" : last;
        break;
      }
      if (group.empty()) page["items"].push_back(Resource(object));
      if (!group.empty()) page["prefixes"].push_back(group);
      last = group.empty() ? name : group;
    }
    return {200, Only(page, query).dump(), {}};
  }

  StrictAnswer Insert(const std::string& resource, std::string bytes, const Query& query) {
    const json described = json::parse(resource, nullptr, false);
    if (!described.is_object() || !described.contains("name")) {
      return StrictFault(400, "Required parameter: name");
    }
    const std::string name = described["name"];
    if (auto refused = Refusal(Find(name), query)) return *refused;
    Object object{name, ++generation_, std::move(bytes), described.value("metadata", Query()),
                  Now()};
    const std::string crc32c = Crc32cOf(object.bytes);
    if (described.value("crc32c", crc32c) != crc32c) {
      return StrictFault(400, "Provided CRC32C \"" + described["crc32c"].get<std::string>() +
                                  "\" doesn't match calculated CRC32C \"" + crc32c + "\".");
    }
    StrictAnswer answer{200, Only(Resource(object), query).dump(), {}};
    objects_[name] = std::move(object);
    return answer;
  }

  StrictAnswer Begin(const std::string& resource, std::uint64_t size_bytes, const Query& query,
                     const std::string& base_url) {
    const json described = json::parse(resource, nullptr, false);
    if (!described.is_object() || !described.contains("name")) {
      return StrictFault(400, "Required parameter: name");
    }
    if (auto refused = Refusal(Find(described["name"]), query)) return *refused;
    const std::string id = "session-" + std::to_string(sessions_.size());
    sessions_[id] = {resource, query, size_bytes, {}, {}, false};
    return {200, "", {{"Location", base_url + "&upload_id=" + id}}};
  }

  // `is_whole`: the request's body came to its end; else the connection broke and nobody hears the
  // answer.
  StrictAnswer Continue(const std::string& id, const std::string& content_range, std::string bytes,
                        bool is_whole) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return StrictFault(404, "there is no such session");
    Session& session = found->second;
    const std::string total = "/" + std::to_string(session.size_bytes);
    if (content_range == "bytes *" + total) {
      session.must_be_asked = false;
      return session.end ? *session.end : Progress(session);
    }
    const std::string from = "bytes " + std::to_string(session.bytes.size()) + "-";
    const bool fits = content_range.starts_with(from) && content_range.ends_with(total);
    if (session.must_be_asked || session.end || !fits) {
      violations_.push_back("sent " + content_range + " where it should have asked");
      return StrictFault(400, "Invalid Content-Range: " + content_range);
    }
    if (!is_whole) {  // what is kept of it is what had been written
      session.must_be_asked = true;
      bytes.resize(bytes.size() / kQuantum * kQuantum);
      session.bytes += bytes;
      return StrictFault(400, "cut");
    }
    session.bytes += bytes;
    if (session.bytes.size() < session.size_bytes) {
      if (bytes.size() % kQuantum != 0) violations_.push_back("a chunk of an odd length");
      return Progress(session);
    }
    session.end = Insert(session.resource, session.bytes, session.query);
    session.bytes.clear();
    return *session.end;
  }

  // The answer to a part of a session was not heard.
  void MustBeAsked(const std::string& id) {
    if (const auto found = sessions_.find(id); found != sessions_.end()) {
      found->second.must_be_asked = true;
    }
  }

  void ForgetSessions() { sessions_.clear(); }
  const std::vector<std::string>& violations() const { return violations_; }
  void Note(std::string violation) { violations_.push_back(std::move(violation)); }

  // As somebody without conditions would.
  void Put(const std::string& name, const std::string& bytes) {
    objects_[name] = {name, ++generation_, bytes, {}};
  }
  void Damage(const std::string& name) { objects_.at(name).bytes.front() ^= 1; }
  std::optional<std::string> BytesOf(const std::string& name) const {
    const auto found = objects_.find(name);
    return found == objects_.end() ? std::nullopt : std::optional(found->second.bytes);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, _] : objects_) names.push_back(name);
    return names;
  }

 private:
  struct Object {
    std::string name;
    std::uint64_t generation = 0;
    std::string bytes;
    std::map<std::string, std::string> metadata;
    Instant written_at = Now();
  };
  struct Session {
    std::string resource;
    Query query;
    std::uint64_t size_bytes = 0;
    std::string bytes;
    std::optional<StrictAnswer> end;
    bool must_be_asked = false;
  };

  const Object* Find(const std::string& name) const {
    const auto found = objects_.find(name);
    return found == objects_.end() ? nullptr : &found->second;
  }

  static StrictAnswer NoSuchObject(const std::string& name) {
    return StrictFault(404, "No such object: bucket/" + name);
  }

  static bool IsGeneration(const Object& object, const Query& query) {
    const auto asked = query.find("generation");
    return asked == query.end() || asked->second == std::to_string(object.generation);
  }

  static std::optional<StrictAnswer> Refusal(const Object* object, const Query& query) {
    const std::string generation = std::to_string(object == nullptr ? 0 : object->generation);
    const auto match = query.find("ifGenerationMatch");
    const auto other = query.find("ifGenerationNotMatch");
    if ((match == query.end() || match->second == generation) &&
        (other == query.end() || other->second != generation)) {
      return std::nullopt;
    }
    return StrictFault(412, "At least one of the pre-conditions you specified did not hold.");
  }

  static std::string Crc32cOf(const std::string& bytes) {
    const std::uint32_t crc32c = io::PlainCrc32cOf(bytes);
    std::string big_endian(4, '\0');
    for (unsigned i = 0; i < 4; ++i)
      big_endian[i] = static_cast<char>(crc32c >> (24 - 8 * i) & 0xFF);
    return io::Base64Of(big_endian);
  }

  static json Resource(const Object& object) {
    return {{"kind", "storage#object"},
            {"name", object.name},
            {"bucket", "bucket"},
            {"generation", std::to_string(object.generation)},
            {"metageneration", "1"},
            {"size", std::to_string(object.bytes.size())},
            {"timeCreated", FormatRfc3339(object.written_at)},
            {"crc32c", Crc32cOf(object.bytes)},
            {"metadata", object.metadata}};
  }

  // A partial response: "name,size" of an object, "items(name,size),nextPageToken" of a page.
  static json Only(const json& whole, const Query& query) {
    const auto asked = query.find("fields");
    if (asked == query.end()) return whole;
    json part = json::object();
    std::string fields = asked->second;
    if (const std::size_t open = fields.find("items("); open != std::string::npos) {
      const std::size_t close = fields.find(')', open);
      const Query inner = {{"fields", fields.substr(open + 6, close - open - 6)}};
      for (const json& item : whole.value("items", json::array())) {
        part["items"].push_back(Only(item, inner));
      }
      fields.erase(open, close - open + 1);
    }
    for (const std::string& field : Split(fields, ',')) {
      if (whole.contains(field)) part[field] = whole[field];
    }
    return part;
  }

  static StrictAnswer Media(const Object& object, const std::string& range) {
    StrictAnswer answer{200, object.bytes, {}};
    if (!range.empty()) {
      const std::size_t from = std::stoul(range.substr(range.find('=') + 1));
      if (from >= object.bytes.size()) return StrictFault(416, "the range cannot be satisfied");
      answer = {206, object.bytes.substr(from), {}};
    }
    answer.headers = {{"X-Goog-Generation", std::to_string(object.generation)},
                      {"X-Goog-Hash", "crc32c=" + Crc32cOf(object.bytes)},
                      {"X-Goog-Hash", "md5=none"}};
    return answer;
  }

  static StrictAnswer Progress(const Session& session) {
    StrictAnswer answer{308, "", {}};
    if (!session.bytes.empty()) {
      answer.headers = {{"Range", "bytes=0-" + std::to_string(session.bytes.size() - 1)}};
    }
    return answer;
  }

  const std::size_t page_max_;
  std::map<std::string, Object> objects_;
  std::map<std::string, Session> sessions_;
  std::uint64_t generation_ = 1'000;
  std::vector<std::string> violations_;
};

}  // namespace busker::artifact
