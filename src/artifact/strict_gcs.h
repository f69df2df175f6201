// A server on the loopback interface that speaks Cloud Storage's JSON API v1 with what this project
// uses of it, strictly, and fails when it is told to. For tests only; for .cc files only.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <set>

#include "artifact/strict_gcs_bucket.h"
#include "io/test_server.h"

namespace busker::artifact {

// What goes wrong with a request.
enum class StrictGcsFault {
  kBusy,         // 503, not carried out
  kBusyDone,     // 503, although it was carried out
  kLost,         // carried out, and the connection ends without an answer
  kCutRequest,   // the connection ends after half of the request's body
  kCutAnswer,    // after half of the answer's body
  kHang,         // after half of the request's body nothing is read or said any more
  kAlterInward,  // a bit of the request's body is another
  kAlterOutward  // of the answer's
};

class StrictGcs {
 public:
  explicit StrictGcs(std::size_t page_max = 1000)
      : bucket_(page_max), server_([this](io::TestConnection& c) { Serve(c); }) {}

  std::string Place() const { return server_.Place(); }
  std::string Url() const { return "http://" + server_.Place(); }

  // The next `count` requests whose method and target, "POST /upload/storage/...", hold `part`.
  void Fail(StrictGcsFault fault, std::string part, int count = 1, std::string retry_after = "") {
    const std::lock_guard lock(mutex_);
    faults_.push_back({fault, Holds(std::move(part)), count, std::move(retry_after)});
  }
  // The next for which `when` is true; it is asked for each.
  void FailWhen(StrictGcsFault fault, std::function<bool(const std::string&)> when) {
    const std::lock_guard lock(mutex_);
    faults_.push_back({fault, std::move(when), 1, ""});
  }
  void ForgetFaults() {
    const std::lock_guard lock(mutex_);
    faults_.clear();
  }
  // Done between the arrival of each such request and its execution.
  void WhenAsked(std::string part, std::function<void(StrictGcsBucket&)> deed) {
    const std::lock_guard lock(mutex_);
    deeds_.push_back({Holds(std::move(part)), std::move(deed)});
  }
  // The same for the first of them.
  void Before(std::string part, std::function<void(StrictGcsBucket&)> deed) {
    WhenAsked(std::move(part), [deed = std::move(deed), done = false](StrictGcsBucket& b) mutable {
      if (!std::exchange(done, true)) deed(b);
    });
  }
  // Takes no other token than this from now on.
  void AskFor(const std::string& token) {
    const std::lock_guard lock(mutex_);
    authorization_ = "Bearer " + token;
  }

  template <typename Deed>
  auto WithBucket(Deed&& deed) {
    const std::lock_guard lock(mutex_);
    return deed(bucket_);
  }
  std::vector<std::string> requests() {  // "GET /storage/v1/b/bucket/o/a?fields=..."
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t CountOf(std::string_view part) {
    const auto all = requests();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& one) {
      return one.find(part) != std::string::npos;
    }));
  }
  std::vector<std::string> violations() {
    const std::lock_guard lock(mutex_);
    return bucket_.violations();
  }
  int connections() const { return server_.accepted(); }
  int at_once_most() const { return at_once_most_; }
  void SetDelay(std::chrono::milliseconds delay) { delay_ms_ = delay.count(); }  // of each answer

 private:
  struct Fault {
    StrictGcsFault fault;
    std::function<bool(const std::string&)> when;
    int count;
    std::string retry_after;
  };
  struct Deed {
    std::function<bool(const std::string&)> when;
    std::function<void(StrictGcsBucket&)> deed;
  };
  using Query = StrictGcsBucket::Query;

  static std::function<bool(const std::string&)> Holds(std::string part) {
    return [part = std::move(part)](const std::string& line) {
      return line.find(part) != std::string::npos;
    };
  }

  void Serve(io::TestConnection& connection) {
    for (;;) {
      io::TestHttpRequest request = io::ReadTestHead(connection);
      if (request.method.empty()) return;
      const int now = ++at_once_;
      for (int most = at_once_most_;
           now > most && !at_once_most_.compare_exchange_weak(most, now);) {
      }
      const bool goes_on = ServeOne(connection, request);
      --at_once_;
      if (!goes_on) return;
    }
  }

  bool ServeOne(io::TestConnection& connection, io::TestHttpRequest& request) {
    const auto fault = TakeFault(request);
    const auto is = [&](StrictGcsFault which) { return fault && fault->fault == which; };
    const std::size_t length = LengthOf(request);
    const bool is_cut = is(StrictGcsFault::kCutRequest) || is(StrictGcsFault::kHang);
    request.body = connection.ReadBytes(is_cut ? length / 2 : length);
    if (is(StrictGcsFault::kHang)) {
      connection.Hang();
      return false;
    }
    if (is(StrictGcsFault::kAlterInward) && request.body.size() > 100) {
      request.body[request.body.size() - 50] ^= 1;
    }
    if (delay_ms_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms_));
    StrictAnswer answer = StrictFault(503, "The service is busy.");
    if (!is(StrictGcsFault::kBusy)) {
      const StrictAnswer done = Do(request, !is_cut);
      if (!is(StrictGcsFault::kBusyDone)) answer = done;
    }
    if (is(StrictGcsFault::kBusyDone) || is(StrictGcsFault::kLost)) MustBeAsked(request);
    if (is_cut || is(StrictGcsFault::kLost)) return false;
    if (fault && !fault->retry_after.empty()) {
      answer.headers.push_back({"Retry-After", fault->retry_after});
    }
    if (is(StrictGcsFault::kAlterOutward) && !answer.body.empty()) answer.body.back() ^= 1;
    Write(connection, answer, is(StrictGcsFault::kCutAnswer));
    return !is(StrictGcsFault::kCutAnswer);
  }

  std::size_t LengthOf(const io::TestHttpRequest& request) {
    if (request.headers.contains("transfer-encoding")) {
      const std::lock_guard lock(mutex_);
      bucket_.Note("a body without a length");
    }
    const auto length = request.headers.find("content-length");
    return length == request.headers.end() ? 0 : std::stoul(length->second);
  }

  std::optional<Fault> TakeFault(const io::TestHttpRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request.method + " " + request.target);
    for (auto one = faults_.begin(); one != faults_.end(); ++one) {
      if (!one->when(requests_.back())) continue;
      const Fault fault = *one;
      if (--one->count == 0) faults_.erase(one);
      return fault;
    }
    return std::nullopt;
  }

  void MustBeAsked(const io::TestHttpRequest& request) {
    const std::lock_guard lock(mutex_);
    const auto query = QueryOf(request.target);
    if (const auto id = query.find("upload_id"); id != query.end()) bucket_.MustBeAsked(id->second);
  }

  static void Write(io::TestConnection& connection, const StrictAnswer& answer, bool is_cut) {
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " It\r\n";
    for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
    text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n";
    // In one piece: a second one would wait for the first to be acknowledged.
    connection.Write(text + answer.body.substr(0, answer.body.size() / (is_cut ? 2 : 1)));
  }

  StrictAnswer Do(const io::TestHttpRequest& request, bool is_whole) {
    const std::lock_guard lock(mutex_);
    const std::string line = request.method + " " + request.target;
    for (const Deed& deed : deeds_) {
      if (deed.when(line)) deed.deed(bucket_);
    }
    const Query query = QueryOf(request.target);
    if (const std::string unknown = UnknownIn(query); !unknown.empty()) {
      return StrictFault(400, "Unknown parameter " + unknown);
    }
    if (!authorization_.empty() && HeaderOf(request, "authorization") != authorization_) {
      return StrictFault(401, "Invalid Credentials");
    }
    const std::string path = request.target.substr(0, request.target.find('?'));
    return Route(request, path, query, is_whole);
  }

  StrictAnswer Route(const io::TestHttpRequest& request, const std::string& path,
                     const Query& query, bool is_whole) {
    constexpr std::string_view kObjects = "/storage/v1/b/bucket/o";
    constexpr std::string_view kUpload = "/upload/storage/v1/b/bucket/o";
    if (path == kUpload) return DoUpload(request, query, is_whole);
    if (path == kObjects && request.method == "GET") return bucket_.List(query);
    if (!path.starts_with(kObjects) || path.size() < kObjects.size() + 2) {
      return StrictFault(404, "The specified bucket does not exist.");
    }
    const std::string name = Decoded(path.substr(kObjects.size() + 1));
    if (request.method == "GET") return bucket_.Get(name, query, HeaderOf(request, "range"));
    if (request.method == "DELETE") return bucket_.Remove(name, query);
    return StrictFault(405, "no such method");
  }

  StrictAnswer DoUpload(const io::TestHttpRequest& request, const Query& query, bool is_whole) {
    if (const auto id = query.find("upload_id"); id != query.end()) {
      if (request.method != "PUT") return StrictFault(405, "a session takes PUT");
      return bucket_.Continue(id->second, HeaderOf(request, "content-range"), request.body,
                              is_whole);
    }
    if (!is_whole) return StrictFault(400, "cut");
    if (!query.contains("ifGenerationMatch")) bucket_.Note("a write without a condition");
    const auto type = query.find("uploadType");
    if (request.method != "POST" || type == query.end()) return StrictFault(400, "no upload");
    if (type->second == "resumable") {
      return bucket_.Begin(
          request.body, std::stoull(HeaderOf(request, "x-upload-content-length")), query,
          Url() + request.target.substr(0, request.target.find('?')) + "?uploadType=resumable");
    }
    return type->second == "multipart" ? Multipart(request, query)
                                       : StrictFault(400, "no such type");
  }

  StrictAnswer Multipart(const io::TestHttpRequest& request, const Query& query) {
    constexpr std::string_view kType = "multipart/related; boundary=";
    const std::string type = HeaderOf(request, "content-type");
    if (!type.starts_with(kType)) return StrictFault(400, "no multipart/related");
    const std::string boundary = "--" + type.substr(kType.size());
    const std::string& body = request.body;
    const std::size_t json = body.find("\r\n\r\n") + 4;
    const std::size_t between = body.find("\r\n" + boundary + "\r\n", json);
    const std::size_t bytes = body.find("\r\n\r\n", between + boundary.size()) + 4;
    const std::string end = "\r\n" + boundary + "--\r\n";
    if (!body.starts_with(boundary + "\r\n") || between == std::string::npos ||
        body.find(boundary, bytes) != body.size() - end.size() + 2 || !body.ends_with(end)) {
      return StrictFault(400, "Malformed multipart body.");
    }
    return bucket_.Insert(body.substr(json, between - json),
                          body.substr(bytes, body.size() - end.size() - bytes), query);
  }

  static std::string HeaderOf(const io::TestHttpRequest& request, const std::string& name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? "" : found->second;
  }

  static std::string UnknownIn(const Query& query) {
    const std::set<std::string> known = {
        "fields",    "alt",    "generation", "ifGenerationMatch", "uploadType",
        "upload_id", "prefix", "delimiter",  "maxResults",        "pageToken"};
    for (const auto& [name, _] : query) {
      if (!known.contains(name)) return name;
    }
    return {};
  }

  static std::string Decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        decoded += text[i];
      } else {
        decoded += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      }
    }
    return decoded;
  }

  static Query QueryOf(const std::string& target) {
    Query query;
    const std::size_t mark = target.find('?');
    if (mark == std::string::npos) return query;
    for (const std::string& pair : Split(target.substr(mark + 1), '&')) {
      const std::size_t sign = pair.find('=');
      query[pair.substr(0, sign)] = Decoded(pair.substr(sign + 1));
    }
    return query;
  }

  std::mutex mutex_;
  StrictGcsBucket bucket_;
  std::list<Fault> faults_;
  std::vector<Deed> deeds_;
  std::vector<std::string> requests_;
  std::string authorization_;
  std::atomic<int> at_once_ = 0, at_once_most_ = 0;
  std::atomic<std::int64_t> delay_ms_ = 0;
  io::TestServer server_;
};

}  // namespace busker::artifact
