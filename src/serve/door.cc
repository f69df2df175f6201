#include "serve/door.h"

#include <fmt/core.h>

#include <exception>

#include "http/entity_tag.h"
#include "http/event_queue.h"
#include "http/problem.h"
#include "record/record.h"
#include "serve/graphs_api.h"

namespace busker::serve {
namespace {

http::Response Healthy() {
  http::Response response;
  response.type = "text/plain; charset=utf-8";
  response.body = "ok\n";
  return response;
}

http::Response NotFoundHere() { return http::Problem(404, "there is nothing of that name"); }

http::Response NotAllowed(http::Method method, const std::string& allowed) {
  http::Response response = http::Problem(
      405, fmt::format("{} is not for this; it takes {}",
                       method == http::Method::kOther ? "this method" : NameOf(method), allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

void Note(const Door& door, const http::Request& request, bool let_in, Instant now) {
  if (door.note) door.note(request.peer, let_in, now);
}

// Who is confined hears of what is beyond as of what is not there: nullopt, or that answer.
std::optional<http::Response> Confine(const Door& door, const access::Caller& caller,
                                      const Route& route, const http::Parameters& named) {
  if (caller.confines.empty()) return std::nullopt;
  if (const auto graph = named.find("graph"); graph != named.end()) {
    const plan::GraphKey key = GraphNamed(graph->second);
    if (caller.Sees(key.Text())) return std::nullopt;
    return http::Problem(404, fmt::format("no {}", key));
  }
  if (const auto service = named.find("service"); service != named.end()) {
    if (access::HoldsService(caller.confines, service->second)) return std::nullopt;
    return http::Problem(404, fmt::format("no service {}", service->second));
  }
  if (const auto run = named.find("run"); run != named.end()) {
    if (!door.graph_of) return http::Problem(record::NoRun(run->second));
    const auto graph = door.graph_of(run->second);
    if (!graph) return http::Problem(graph.error());
    if (caller.Sees(graph->Text())) return std::nullopt;
    return http::Problem(record::NoRun(run->second));
  }
  if (route.reach == Reach::kOwn) return std::nullopt;
  return http::Problem(
      403,
      fmt::format("{} is confined to some services and graphs, and this is of all", caller.name));
}

bool IsLogin(const http::Request& request, const std::optional<http::Target>& target) {
  return request.method == http::Method::kGet && target &&
         target->path == std::vector<std::string>{"login"} && target->query_fault.empty() &&
         target->query.contains("token");
}

// What somebody who is known asks for.
http::Response AnswerTo(const access::Caller& caller, const Door& door,
                        const http::Request& request, const http::Target& target) {
  http::Parameters parameters;
  const Route* const route = door.routes.Find(request.method, target.path, &parameters);
  if (route == nullptr) {
    const std::string allowed = door.routes.MethodsOf(target.path);
    return allowed.empty() ? NotFoundHere() : NotAllowed(request.method, allowed);
  }
  if (!access::Allows(caller.scope, route->scope)) {
    return http::Problem(403, fmt::format("this takes the scope {}, and {} has {}",
                                          NameOf(route->scope), caller.name, NameOf(caller.scope)));
  }
  if (auto refused = Confine(door, caller, *route, parameters)) return *std::move(refused);
  if (route->method != http::Method::kGet) {
    if (auto refused = door.guard.site().RefuseChange(request)) return *std::move(refused);
  }
  if (!route->is_page) {
    if (auto refused = http::RefuseQuery(route->query, target)) return *std::move(refused);
  }
  http::Response response = route->handler({request, target, caller, std::move(parameters)});
  if (response.events) response.events->OnlyWhile(door.guard.StillKnown(request));
  return response;
}

http::Response Ask(const Door& door, const http::Request& request, Instant now) {
  Guard& guard = door.guard;
  if (auto refused = guard.site().Refuse(request)) return *std::move(refused);
  if (request.target.substr(0, request.target.find('?')) == "/healthz") {
    return http::OnlyLooks(request.method) ? Healthy() : NotAllowed(request.method, "GET, HEAD");
  }
  const auto target = http::ParseTarget(request.target);
  if (IsLogin(request, target)) {
    http::Response answer = guard.Login(request, target->Query("token"), now);
    // A link that was used, opened again where its session goes on, leads where it led before.
    if (answer.status == 401 && guard.HasSession(request, now)) return Guard::ToTheDashboard();
    Note(door, request, answer.status < 400, now);
    return answer;
  }
  auto identified = guard.Identify(request, now);
  if (auto* refused = std::get_if<http::Response>(&identified)) {
    const bool is_wrong = refused->status == 401 || refused->status == 429;
    if (is_wrong && !request.Header("authorization").empty()) Note(door, request, false, now);
    return std::move(*refused);
  }
  if (!target) return NotFoundHere();
  return AnswerTo(std::get<access::Caller>(identified), door, request, *target);
}

}  // namespace

http::Response AnswerAtDoor(const Door& door, const http::Request& request, Instant now) {
  http::Response response;
  try {
    response = Ask(door, request, now);
  } catch (const std::exception& thrown) {
    response = http::ProblemOfOurs(thrown.what());
  }
  if (!response.untold.empty()) door.say(response.untold);
  http::SendOnce(request, response);
  return response;
}

}  // namespace busker::serve
