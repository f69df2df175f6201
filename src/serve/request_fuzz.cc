// Any bytes over a connection, to the answers: how they are cut into pieces changes nothing, nobody
// gets anything without a token, and what one with a token gets is an answer that is whole.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/text.h"
#include "io/test_folder.h"
#include "serve/door.h"
#include "serve/json_body.h"
#include "serve/problem.h"
#include "serve/request_reader.h"
#include "serve/response_text.h"

namespace {

using namespace busker;
using namespace busker::serve;

constexpr char kOrigin[] = "http://127.0.0.1:8321";

// What the routes of the API do with a request, without what stands behind them.
Response Echo(const Call& call) {
  auto body = JsonBody::Of(call.request);
  if (!body) return Problem(body.error());
  std::string date;
  bool force = false;
  int count = 0;
  body->Get("date", date);
  body->Get("force", force);
  body->Get("runs_at_once", count);
  if (const auto fine = body->Finish(); !fine) return Problem(fine.error());
  nlohmann::ordered_json echo = {{"date", date}, {"force", force}, {"runs_at_once", count}};
  for (const auto& [name, value] : call.parameters) {
    CHECK(!value.empty() && value.find('/') == std::string::npos && value[0] != '\0' &&
              value != "." && value != "..",
          "a part of a path is one");
    echo[name] = value;
  }
  for (const auto& [name, value] : call.target.query) {
    CHECK(IsUtf8(name) && IsUtf8(value), "a query is text");
    echo["?" + name] = value;
  }
  return JsonResponse(echo);
}

struct House {
  House() {
    const io::fs::path tokens = folder / "tokens.json";
    token = TokenFile(tokens).Add("fuzz", Scope::kOperator, "fuzz", Instant()).value();
    guard.emplace(std::vector<std::string>{kOrigin, "https://busker.example.com"}, tokens);
    for (const char* const pattern :
         {"/", "/api/v1/graphs", "/api/v1/graphs/{graph}", "/api/v1/runs/{run}/events",
          "/api/v1/runs/{run}/tasks/{task}/attempts/{attempt}/log"}) {
      router.Add({Method::kGet, pattern, Scope::kViewer, "", Echo});
    }
    for (const char* const pattern :
         {"/api/v1/graphs/{graph}/runs", "/api/v1/runs/{run}/tasks/{task}/skip"}) {
      router.Add({Method::kPost, pattern, Scope::kOperator, "", Echo});
    }
    router.Add({Method::kDelete, "/api/v1/tokens/{token}", Scope::kAdmin, "", Echo});
  }
  io::TestFolder folder;
  std::string token;
  std::optional<Guard> guard;
  Router router;
  Instant now{std::chrono::seconds(1'700'000'000)};
};

// What is written has one head, whatever is in it.
void CheckText(const Response& response, bool is_head) {
  const std::string text = ResponseText(response, is_head ? Body::kLeftOut : Body::kSent, true);
  CHECK(text.starts_with("HTTP/1.1 "), "an answer begins so");
  const std::size_t end = text.find("\r\n\r\n");
  CHECK(end != std::string::npos, "a head ends");
  CHECK(is_head || response.status == 304 || text.substr(end + 4) == response.body,
        "the body follows the head");
  if (response.type == "application/json" || response.type == "application/problem+json") {
    CHECK(response.status == 304 ||
              !nlohmann::json::parse(response.body, nullptr, false).is_discarded(),
          "what says that it is JSON is");
  }
}

void Answer(House& house, Request request) {
  house.now += std::chrono::seconds(2);
  const Say silent = [](const std::string&) {};
  const bool is_head = request.method == Method::kHead;
  Response response =
      AnswerAtDoor({*house.guard, house.router, silent, {}, {}}, request, house.now);
  CHECK(response.status >= 300 || request.target == "/healthz", "without a token there is nothing");
  CHECK(response.status != 500, "no request is a fault of ours");
  CheckText(response, is_head);
  request.headers["host"] = "127.0.0.1:8321";
  request.headers["authorization"] = "Bearer " + house.token;
  response = AnswerAtDoor({*house.guard, house.router, silent, {}, {}}, request, house.now);
  CHECK(response.status != 500, "no request is a fault of ours");
  CHECK(response.status != 401 || request.target.starts_with("/login?"), "a token is known");
  CheckText(response, is_head);
  CHECK(WithoutPaths(WithoutPaths(request.body)) == WithoutPaths(request.body), "no path is left");
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
  static House house;
  if (size >= kHeaderBytesMax) return 0;  // which of two limits is met first is a matter of pieces
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<Request> requests;
  const std::string whole = ReadAll(bytes, bytes.size() + 1, &requests);
  CHECK(ReadAll(bytes, 1 + size % 7, nullptr) == whole, "pieces change nothing");
  for (Request& request : requests) {
    request.peer = "192.0.2.1";
    Answer(house, std::move(request));
  }
  return 0;
}
