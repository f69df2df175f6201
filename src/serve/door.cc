#include "serve/door.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>

#include "base/text.h"
#include "io/digest.h"
#include "serve/graphs_api.h"
#include "serve/live.h"
#include "serve/problem.h"

namespace busker::serve {
namespace {

constexpr std::size_t kTagDigits = 32;

Response Healthy() {
  Response response;
  response.type = "text/plain; charset=utf-8";
  response.body = "ok\n";
  return response;
}

Response NotFoundHere() { return Problem(404, "there is nothing of that name"); }

Response NotAllowed(Method method, const std::string& allowed) {
  Response response =
      Problem(405, fmt::format("{} is not for this; it takes {}",
                               method == Method::kOther ? "this method" : NameOf(method), allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

// nullopt, or the answer that says no to a query: as with bodies, what is not known is refused.
std::optional<Response> RefuseQuery(const Route& route, const Target& target) {
  if (route.is_page) return std::nullopt;
  if (!target.query_fault.empty()) return Problem(400, target.query_fault);
  std::vector<std::string> names;
  for (const Field& field : route.query) names.push_back(field.name);
  for (const auto& [name, value] : target.query) {
    const auto field =
        std::find_if(route.query.begin(), route.query.end(),
                     [&, &wanted = name](const Field& one) { return one.name == wanted; });
    if (field == route.query.end()) {
      return Problem(400, fmt::format("there is no query parameter \"{}\" here{}", name,
                                      DidYouMean(name, names)));
    }
    if (field->kind == Field::Kind::kFlag && value != "true" && value != "false") {
      return Problem(400, fmt::format("\"{}\" must be true or false", name));
    }
  }
  return std::nullopt;
}

void Note(const Door& door, const Request& request, bool let_in, Instant now) {
  if (door.note) door.note(request.peer, let_in, now);
}

using Parameters = std::map<std::string, std::string, std::less<>>;

// Who is confined hears of what is beyond as of what is not there: nullopt, or that answer.
std::optional<Response> Confine(const Door& door, const Caller& caller, const Route& route,
                                const Parameters& named) {
  if (caller.confines.empty()) return std::nullopt;
  if (const auto graph = named.find("graph"); graph != named.end()) {
    const plan::GraphKey key = GraphNamed(graph->second);
    if (caller.Sees(key)) return std::nullopt;
    return Problem(404, fmt::format("there is no {}", key));
  }
  if (const auto service = named.find("service"); service != named.end()) {
    if (HoldsService(caller.confines, service->second)) return std::nullopt;
    return Problem(404, fmt::format("there is no service {}", service->second));
  }
  if (const auto run = named.find("run"); run != named.end()) {
    if (!door.graph_of) return Problem(record::NoRun(run->second));
    const auto graph = door.graph_of(run->second);
    if (!graph) return Problem(graph.error());
    if (caller.Sees(*graph)) return std::nullopt;
    return Problem(record::NoRun(run->second));
  }
  if (route.reach == Reach::kOwn) return std::nullopt;
  return Problem(403, fmt::format("{} is confined to some services and graphs, and this is of all",
                                  caller.name));
}

Response Ask(const Door& door, const Request& request, Instant now) {
  Guard& guard = door.guard;
  const Router& router = door.router;
  if (auto refused = guard.Refuse(request)) return *std::move(refused);
  if (request.target.substr(0, request.target.find('?')) == "/healthz") {
    return OnlyLooks(request.method) ? Healthy() : NotAllowed(request.method, "GET, HEAD");
  }
  const auto target = ParseTarget(request.target);
  if (request.method == Method::kGet && target &&
      target->path == std::vector<std::string>{"login"} && target->query_fault.empty() &&
      target->query.contains("token")) {
    Response answer = guard.Login(request, target->Query("token"), now);
    Note(door, request, answer.status == 303, now);
    return answer;
  }
  auto identified = guard.Identify(request, now);
  if (auto* refused = std::get_if<Response>(&identified)) {
    const bool is_wrong = refused->status == 401 || refused->status == 429;
    if (is_wrong && !request.Header("authorization").empty()) Note(door, request, false, now);
    return std::move(*refused);
  }
  const Caller caller = std::get<Caller>(std::move(identified));
  if (!target) return NotFoundHere();
  Parameters parameters;
  const Route* const route = router.Find(request.method, target->path, &parameters);
  if (route == nullptr) {
    const std::string allowed = router.MethodsOf(target->path);
    return allowed.empty() ? NotFoundHere() : NotAllowed(request.method, allowed);
  }
  if (!Allows(caller.scope, route->scope)) {
    return Problem(403, fmt::format("this takes the scope {}, and {} has {}", NameOf(route->scope),
                                    caller.name, NameOf(caller.scope)));
  }
  if (auto refused = Confine(door, caller, *route, parameters)) return *std::move(refused);
  if (route->method != Method::kGet) {
    if (auto refused = guard.RefuseChange(request)) return *std::move(refused);
  }
  if (auto refused = RefuseQuery(*route, *target)) return *std::move(refused);
  Response response = route->handler({request, *target, caller, std::move(parameters)});
  if (response.events) response.events->OnlyWhile(guard.StillKnown(request));
  return response;
}

// Documents and parts of the page; a log or a figure is another each time.
bool HasTag(const Request& request, const Response& response) {
  const std::string_view type = std::string_view(response.type).substr(0, response.type.find(';'));
  return OnlyLooks(request.method) && response.status == 200 && !response.events &&
         (type == "application/json" || type == "text/html" || type == "text/javascript" ||
          type == "text/css");
}

void AddTag(const Request& request, Response& response) {
  const std::string tag = "\"" + io::Sha256Of(response.body).substr(0, kTagDigits) + "\"";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (!NamesTag(request.Header("if-none-match"), tag)) return;
  response.status = 304;
  response.body.clear();
}

}  // namespace

bool NamesTag(std::string_view if_none_match, std::string_view tag) {
  if (Trim(if_none_match) == "*") return true;
  while (!if_none_match.empty()) {  // no tag of ours has a comma
    const std::size_t end = std::min(if_none_match.find(','), if_none_match.size());
    std::string_view named = Trim(if_none_match.substr(0, end));
    if (named.starts_with("W/")) named.remove_prefix(2);
    if (named == tag) return true;
    if_none_match.remove_prefix(std::min(end + 1, if_none_match.size()));
  }
  return false;
}

Response AnswerAtDoor(const Door& door, const Request& request, Instant now) {
  Response response;
  try {
    response = Ask(door, request, now);
  } catch (const std::exception& thrown) {
    response = ProblemOfOurs(thrown.what());
  }
  if (!response.untold.empty()) door.say(response.untold);
  if (HasTag(request, response)) AddTag(request, response);
  return response;
}

}  // namespace busker::serve
