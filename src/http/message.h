// A request and its answer as plain values: what the handlers see of HTTP.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace busker::http {

enum class Method { kGet, kHead, kPost, kDelete, kOther };
std::string_view NameOf(Method method);  // "GET"; "" for kOther
inline bool OnlyLooks(Method method) { return method == Method::kGet || method == Method::kHead; }

struct Request {
  Method method = Method::kGet;
  std::string target;  // as it came: "/api/v1/runs?limit=5"
  // By lower-case name. What came twice is here once, and named in `repeated`.
  std::map<std::string, std::string, std::less<>> headers;
  std::vector<std::string> repeated;
  std::string body;
  std::string peer;  // address of who asks, without its port

  std::string_view Header(std::string_view lower_case_name) const;  // empty: it is not there
  std::optional<std::string> Cookie(std::string_view name) const;   // the first of that name
};

class EventQueue;  // event_queue.h

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beside those that all have
  std::shared_ptr<EventQueue> events;  // server-sent events that follow, instead of a body
  std::string untold;  // what only Busker's own log is to say of it, with its id; empty: nothing
};

// The path of a target, cut into its parts ("/" has none), and its query. nullopt for one whose
// path is not written in the one way that a path of ours can be written: letters, digits and
// "-._~:" in parts of which none is empty, "." or "..". So nothing is decoded, and no two spellings
// mean one.
struct Target {
  std::vector<std::string> path;
  std::map<std::string, std::string, std::less<>> query;  // decoded
  std::string query_fault;  // a sentence, when the query cannot be understood; empty: it can

  std::string Query(std::string_view name) const;  // empty: it is not there
};
std::optional<Target> ParseTarget(std::string_view target);

}  // namespace busker::http
