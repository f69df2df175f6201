// Any request at the door: nobody gets anything without a token, and no request of who has one is a
// fault of ours.
#include <cstdint>

#include "access/tokens.h"
#include "base/check.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "http/request_reader.h"
#include "io/test_folder.h"
#include "serve/door.h"

namespace {

using namespace busker;
using namespace busker::serve;
using access::Scope;
using http::Method;

constexpr char kOrigin[] = "http://127.0.0.1:8321";

// What the routes of the API do with a request, without what stands behind them.
http::Response Echo(const Call& call) {
  const auto body = http::JsonBody::Of(call.request);
  return body ? http::JsonResponse(call.parameters) : http::Problem(body.error());
}

struct House {
  House() {
    const io::fs::path tokens = folder / "tokens.json";
    token = access::TokenFile(tokens).Add("fuzz", Scope::kOperator, "fuzz", Instant()).value();
    guard.emplace(std::vector<std::string>{kOrigin, "https://busker.example.com"}, tokens);
    for (const char* const pattern :
         {"/", "/api/v1/graphs", "/api/v1/graphs/{graph}", "/api/v1/runs/{run}/events"}) {
      routes.Add({Method::kGet, pattern, Scope::kViewer, "", Echo});
    }
    for (const char* const pattern :
         {"/api/v1/graphs/{graph}/runs", "/api/v1/runs/{run}/tasks/{task}/skip"}) {
      routes.Add({Method::kPost, pattern, Scope::kOperator, "", Echo});
    }
    routes.Add({Method::kDelete, "/api/v1/tokens/{token}", Scope::kAdmin, "", Echo});
  }
  http::Response Ask(const http::Request& request) {
    const Say silent = [](const std::string&) {};
    return AnswerAtDoor({*guard, routes, silent, {}, {}}, request, now);
  }

  io::TestFolder folder;
  std::string token;
  std::optional<Guard> guard;
  Routes routes;
  Instant now{std::chrono::seconds(1'700'000'000)};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static House house;
  http::RequestReader reader;
  reader.Add({reinterpret_cast<const char*>(data), size});
  while (reader.stage() == http::RequestReader::Stage::kRequest) {
    http::Request request = reader.Take();
    request.peer = "192.0.2.1";
    house.now += std::chrono::seconds(2);  // not faster than wrong tokens may come
    http::Response response = house.Ask(request);
    CHECK(response.status >= 300 || request.target == "/healthz",
          "without a token there is nothing");
    CHECK(response.status != 500, "no request is a fault of ours");
    request.headers["host"] = "127.0.0.1:8321";
    request.headers["authorization"] = "Bearer " + house.token;
    response = house.Ask(request);
    CHECK(response.status != 500, "no request is a fault of ours");
    CHECK(response.status != 401 || request.target.starts_with("/login?"), "a token is known");
    CHECK(response.status >= 300 || request.method != Method::kDelete, "it is no administrator's");
  }
  return 0;
}
