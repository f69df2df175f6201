// Any bytes over a connection, to the answers, without who may ask and what the routes do: how they
// are cut into pieces changes nothing, and every answer is whole.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/text.h"
#include "http/entity_tag.h"
#include "http/field.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "http/request_reader.h"
#include "http/response_text.h"
#include "http/router.h"
#include "http/site_guard.h"

namespace {

using namespace busker;
using namespace busker::http;

Router MadeRouter() {
  Router router;
  for (const char* const pattern :
       {"/", "/api/v1/graphs", "/api/v1/graphs/{graph}", "/api/v1/runs/{run}/events",
        "/api/v1/runs/{run}/tasks/{task}/attempts/{attempt}/log"}) {
    router.Add(Method::kGet, pattern);
  }
  for (const char* const pattern :
       {"/api/v1/graphs/{graph}/runs", "/api/v1/runs/{run}/tasks/{task}/skip"}) {
    router.Add(Method::kPost, pattern);
  }
  router.Add(Method::kDelete, "/api/v1/tokens/{token}");
  return router;
}

// What a route of an API does with a request, without what stands behind it.
Response Echo(const Request& request, const Target& target, const Parameters& parameters) {
  const Fields fields = {{"graph", Field::Kind::kText, ""},
                         {"tasks", Field::Kind::kFlag, ""},
                         {"date", Field::Kind::kDate, ""},
                         {"from", Field::Kind::kInstant, ""},
                         {"limit", Field::Kind::kNumber, ""},
                         {"state", Field::Kind::kChoice, "", false, {"failed", "queued"}}};
  if (auto refused = RefuseQuery(fields, target)) return *std::move(refused);
  auto body = JsonBody::Of(request);
  if (!body) return Problem(body.error());
  std::string date;
  bool force = false;
  int count = 0;
  body->Get("date", date);
  body->Get("force", force);
  body->Get("runs_at_once", count);
  if (const auto fine = body->Finish(); !fine) return Problem(fine.error());
  nlohmann::ordered_json echo = {{"date", date}, {"force", force}, {"runs_at_once", count}};
  for (const auto& [name, value] : parameters) {
    CHECK(!value.empty() && value.find('/') == std::string::npos && value[0] != '\0' &&
              value != "." && value != "..",
          "a part of a path is one");
    echo[name] = value;
  }
  for (const auto& [name, value] : target.query) {
    CHECK(IsUtf8(name) && IsUtf8(value), "a query is text");
    echo["?" + name] = value;
  }
  return JsonResponse(echo);
}

Response Answer(const Request& request) {
  static const Router router = MadeRouter();
  static const SiteGuard guard({"http://127.0.0.1:8321", "https://busker.example.com"});
  (void)request.Cookie("busker_8321");
  const auto refused = guard.Refuse(request);
  CHECK(refused || !guard.OriginOf(request).empty(), "who is let in comes to a name of ours");
  (void)guard.RefuseChange(request);
  const auto target = ParseTarget(request.target);
  if (!target) return Problem(404, "there is nothing of that name");
  Parameters parameters;
  if (!router.Find(request.method, target->path, &parameters)) {
    return Problem(405, router.MethodsOf(target->path));
  }
  Response response = Echo(request, *target, parameters);
  SendOnce(request, response);
  return response;
}

// What is written has one head, whatever is in it.
void CheckText(const Response& response, bool is_head) {
  const std::string text = ResponseText(response, is_head ? Body::kLeftOut : Body::kSent, true);
  CHECK(text.starts_with("HTTP/1.1 "), "an answer begins so");
  const std::size_t end = text.find("\r\n\r\n");
  CHECK(end != std::string::npos, "a head ends");
  CHECK(is_head || response.status == 304 || text.substr(end + 4) == response.body,
        "the body follows the head");
  CHECK(response.status == 304 ||
            !nlohmann::json::parse(response.body, nullptr, false).is_discarded(),
        "what says that it is JSON is");
}

// A request as text, to compare.
std::string Described(const Request& request) {
  std::string text(NameOf(request.method));
  text += " " + request.target + "\n";
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\n";
  return text + Join(request.repeated, ",") + "\n" + request.body + "\n";
}

// All requests that the bytes hold, handed in in pieces of that size, and how it ended.
std::string ReadAll(std::string_view bytes, std::size_t piece, std::vector<Request>* requests) {
  RequestReader reader;
  std::string all;
  const auto take = [&] {
    while (reader.stage() == RequestReader::Stage::kRequest) {
      Request request = reader.Take();
      all += Described(request) + (reader.keep_alive() ? "+" : "-");
      if (requests != nullptr) requests->push_back(std::move(request));
    }
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    reader.Add(bytes.substr(0, piece));
    take();
  }
  // Of a body, less than the end of its chunks is not looked at: it is at fault a few bytes later.
  using Stage = RequestReader::Stage;
  const bool may_be_refused = reader.stage() == Stage::kBody || reader.fault() == 400;
  return all + (may_be_refused ? "?" : std::to_string(static_cast<int>(reader.stage())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= kHeaderBytesMax) return 0;  // which of two limits is met first is a matter of pieces
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<Request> requests;
  const std::string whole = ReadAll(bytes, bytes.size() + 1, &requests);
  CHECK(ReadAll(bytes, 1 + size % 7, nullptr) == whole, "pieces change nothing");
  for (const Request& request : requests) {
    const Response response = Answer(request);
    CHECK(response.status != 500, "no request is a fault of ours");
    CheckText(response, request.method == Method::kHead);
    const std::string told = WithoutPaths(request.body);
    CHECK(WithoutPaths(told) == told, "no path is left");
  }
  return 0;
}
