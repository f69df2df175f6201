// The way of a request: who may ask for what, and in how many spellings it may not be asked.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "serve/front_fixture.h"
#include "serve/page.h"

namespace busker::serve {
namespace {

using nlohmann::json;

std::string Replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// The pattern's path, with something in place of each parameter.
std::string PathOf(const Route& route) {
  std::string path = Replaced(route.pattern, "{graph}", "nightly");
  path = Replaced(path, "{run}", "20190801-070000-k3f9x2");
  path = Replaced(path, "{task}", "a");
  path = Replaced(path, "{service}", "shop");
  path = Replaced(path, "{token}", "nobody");
  path = Replaced(path, "{version}", "20190801T000000Z");
  path = Replaced(path, "{table}", "shop.predictions");
  path = Replaced(path, "{delivery}", "20190801-070000-k3f9x2");
  return Replaced(path, "{attempt}", "1");
}

// Other spellings of a path, of which none may be taken for it by some layer.
std::vector<std::string> Mutations(const std::string& path) {
  const std::string tail = path.substr(1);
  const std::string first = tail.substr(0, tail.find('/'));
  std::string upper = path;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  return {"/" + path,
          path + "/",
          path + "//",
          path + "/.",
          path + "/..",
          "/." + path,
          "/x/.." + path,
          "/healthz/.." + path,
          "/healthz" + path,
          "/healthz?" + path,
          "/healthz/",
          "/healthz%2f.." + path,
          Replaced(path, "/", "%2f"),
          "/" + Replaced(tail, "/", "%2F"),
          "/" + Replaced(tail, "/", "%252f"),
          "/%2e" + path,
          "/%2e%2e" + path,
          "/..;" + path,
          path + ";",
          path + ";.js",
          path + ";/healthz",
          "/" + Replaced(tail, "/", "\\"),
          "\\" + tail,
          path + "%00",
          path + std::string("\0", 1),
          path + "%20",
          path + " ",
          path + "\t",
          path + "#",
          path + "#/healthz",
          path + ".json",
          path + "/configs",
          path + "/healthz",
          "/app.css" + path,
          "/login" + path,
          "/login?token=" + path,
          "http://127.0.0.1:8321" + path,
          "http://evil.test" + path,
          "//evil.test" + path,
          tail,
          "*",
          path + "?_method=GET",
          path + "?token=" + std::string(64, '0'),
          path + "/%2e%2e",
          path + "%3f",
          "/~" + tail,
          upper == path ? path + "/x" : upper,
          "/static/.." + path,
          path + "/../" + first};
}

// Every route by each caller: no more than the scope of each says, whatever the spelling.
TEST_F(FrontTest, AnswersEachRouteToThoseWhoMayAskAndInOneSpelling) {
  std::size_t asked = 0;
  const std::string bad(64, '0');
  for (const Route& route : front_->routes().all()) {
    const std::string path = PathOf(route);
    std::vector<std::pair<std::string, std::string>> callers = {{"nobody", ""}, {"bad", bad}};
    callers.insert(callers.end(), tokens_.begin(), tokens_.end());
    for (const auto& [who, token] : callers) {
      const auto scope = access::ParseScope(who);
      const bool may = scope && access::Allows(*scope, route.scope);
      const auto ask = [&](http::Method method, const std::string& target) {
        ++asked;
        http::Request request = Make(method, target, token);
        request.peer = std::to_string(asked);  // wrong tokens may not come faster from one
        return front_->Answer(request, Now());
      };
      const int status = ask(route.method, path).status;
      if (!scope) {
        EXPECT_EQ(status, 401) << who << " " << path;
      } else if (!may) {
        EXPECT_EQ(status, 403) << who << " " << path;
      } else {
        EXPECT_TRUE(status != 401 && status != 403) << who << " " << path << " " << status;
      }
      if (may) continue;
      for (const std::string& mutation : Mutations(path)) {
        for (const http::Method method :
             {route.method, http::Method::kGet, http::Method::kPost, http::Method::kOther}) {
          const http::Response response = ask(method, mutation);
          const bool healthz = mutation.substr(0, mutation.find('?')) == "/healthz";
          EXPECT_TRUE((healthz && response.status == 200) || response.status == 401 ||
                      response.status == 403 || response.status == 404 || response.status == 405)
              << who << " " << NameOf(method) << " " << mutation << " " << response.status;
        }
      }
    }
  }
  EXPECT_GT(asked, 10'000u);
}

TEST_F(FrontTest, AnswersNoOtherSiteWhateverItShows) {
  for (const char* const target : {"/healthz", "/api/v1/status", "/login?token=x"}) {
    http::Request request = Make(http::Method::kGet, target, tokens_.at("admin"));
    request.headers["origin"] = "http://evil.test";
    EXPECT_EQ(front_->Answer(request, Now()).status, 403) << target;
    request.headers["host"] = "evil.test";
    EXPECT_EQ(front_->Answer(request, Now()).status, 421) << target;
  }
  http::Request request =
      Make(http::Method::kPost, "/api/v1/graphs/nightly/pause", tokens_.at("admin"));
  request.headers["content-type"] = "text/plain";
  EXPECT_EQ(front_->Answer(request, Now()).status, 415);
}

TEST_F(FrontTest, OpensTheHealthRouteAloneAndByItsExactName) {
  const auto status = [&](const std::string& target) {
    return front_->Answer(Make(http::Method::kGet, target, ""), Now()).status;
  };
  EXPECT_EQ(status("/healthz"), 200);
  for (const char* const other : {"/healthz/", "/Healthz", "/healthz.", "//healthz"}) {
    EXPECT_EQ(status(other), 401) << other;
  }
}

// A health check by HEAD, or with a query, was refused: to a load balancer Busker was ill.
TEST_F(FrontTest, SaysThatItIsWellHoweverItIsAsked) {
  for (const std::string& token : {std::string(), tokens_.at("viewer"), std::string(64, '0')}) {
    for (const char* const target : {"/healthz", "/healthz?", "/healthz?x=1", "/healthz?%"}) {
      for (const http::Method method : {http::Method::kGet, http::Method::kHead}) {
        const http::Response response = front_->Answer(Make(method, target, token), Now());
        EXPECT_EQ(response.status, 200) << target;
        EXPECT_EQ(response.body, "ok\n") << "which the listener leaves out for a HEAD";
      }
      for (const http::Method method :
           {http::Method::kPost, http::Method::kDelete, http::Method::kOther}) {
        const http::Response response = front_->Answer(Make(method, target, token), Now());
        EXPECT_EQ(response.status, 405) << target;
        EXPECT_EQ(HeaderOf(response, "Allow"), "GET, HEAD") << target;
      }
    }
  }
}

// A 405 did not say what is allowed, which RFC 9110 wants of it.
TEST_F(FrontTest, NamesTheMethodsThatARouteTakes) {
  const auto ask = [&](http::Method method, const std::string& target) {
    return front_->Answer(Make(method, target, tokens_.at("admin")), Now());
  };
  for (const auto& [target, allowed] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/api/v1/graphs/nightly", "GET, HEAD"},
           {"/api/v1/graphs/nightly/runs", "POST"},
           {"/api/v1/tokens", "GET, HEAD, POST"},
           {"/metrics", "GET, HEAD"},
           {"/", "GET, HEAD"}}) {
    for (const http::Method method : {http::Method::kDelete, http::Method::kOther}) {
      const http::Response response = ask(method, target);
      EXPECT_EQ(response.status, 405) << target;
      EXPECT_EQ(HeaderOf(response, "Allow"), allowed) << target;
    }
  }
  EXPECT_EQ(Body(ask(http::Method::kDelete, "/api/v1/graphs/nightly"))["detail"],
            "DELETE is not for this; it takes GET, HEAD");
  for (const Route& route : front_->routes().all()) {
    if (route.method != http::Method::kGet || route.pattern.find('{') != std::string::npos)
      continue;
    EXPECT_EQ(ask(http::Method::kHead, route.pattern).status, 200) << route.pattern;
  }
}

// A query parameter that was misspelt was left out of account, so that ?stat=failed showed all
// runs.
TEST_F(FrontTest, RefusesAQueryThatItDoesNotKnow) {
  const auto detail = [&](const std::string& target) {
    const http::Response response = Get(target, "admin");
    EXPECT_EQ(response.status, 400) << target << " " << response.body;
    return Body(response)["detail"].get<std::string>();
  };
  EXPECT_EQ(detail("/api/v1/runs?stat=failed"),
            "there is no query parameter \"stat\" here; did you mean \"state\"?");
  EXPECT_EQ(detail("/api/v1/runs?state=fialed"),
            "\"state\" must be one of queued, running, succeeded, failed, cancelled, skipped; did "
            "you mean \"failed\"?");
  EXPECT_EQ(detail("/api/v1/runs?state=failed&state=queued"), "the query has \"state\" twice");
  EXPECT_EQ(detail("/api/v1/runs?tasks=yes"), "\"tasks\" must be true or false");
  EXPECT_EQ(detail("/api/v1/events?all=1"), "\"all\" must be true or false");
  EXPECT_EQ(detail("/api/v1/runs?State=failed"),
            "there is no query parameter \"State\" here; did you mean \"state\"?");
  for (const char* const query : {"limit=", "cursor=", "state=", "a=%zz", "=x"}) {
    EXPECT_EQ(Get(std::string("/api/v1/runs?") + query).status, 400) << query;
  }
  const std::string run = RunToEnd("nightly");
  for (const Route& route : front_->routes().all()) {
    const std::string path = Replaced(PathOf(route), "20190801-070000-k3f9x2", run);
    http::Request request = Make(route.method, path + "?nosuch=1", tokens_.at("admin"));
    request.body = route.method == http::Method::kPost ? "{}" : "";
    EXPECT_EQ(front_->Answer(request, Now()).status, route.is_page ? 200 : 400) << route.pattern;
  }
  EXPECT_EQ(Get("/api/v1/runs?graph=nope").status, 200) << "nothing is known of it";
}

// ?date=2019-02-30 was answered with an empty list, as if nothing had run on a day that there is
// not; an empty date, instant or state, as if all had been asked for.
TEST_F(FrontTest, RefusesAValueThatIsNotOfItsKind) {
  using Kind = http::Field::Kind;
  const std::map<Kind, std::vector<std::string>> wrong = {
      {Kind::kFlag, {"", "1", "yes", "True"}},
      {Kind::kNumber, {"", "-1", "1.5", "0x10", "many", "99999999999999999999"}},
      {Kind::kDate, {"", "2019-02-30", "2019-2-3", "20190203", "today", "2019-02-03T00:00:00Z"}},
      {Kind::kInstant, {"", "2019-02-03", "2019-02-30T00:00:00Z", "2019-02-03T00:00:00", "now"}},
      {Kind::kChoice, {"", "no-such", "Failed"}}};
  const std::string run = RunToEnd("nightly");
  int asked = 0;
  for (const Route& route : front_->routes().all()) {
    for (const http::Field& field : route.query) {
      const auto values = wrong.find(field.kind);
      if (values == wrong.end()) continue;
      for (const std::string& value : values->second) {
        const std::string path = Replaced(PathOf(route), "20190801-070000-k3f9x2", run);
        const http::Response response = Get(path + "?" + field.name + "=" + value, "admin");
        EXPECT_EQ(response.status, 400) << path << " " << field.name << "=" << value;
        const std::string detail = Body(response)["detail"];
        EXPECT_TRUE(detail.starts_with("\"" + field.name + "\" ")) << detail;
        ++asked;
      }
    }
  }
  EXPECT_GT(asked, 40);
  EXPECT_EQ(Body(Get("/api/v1/runs?date=2019-02-30"))["detail"],
            "\"date\" must be a day of the calendar, such as 2026-03-29");
  EXPECT_EQ(Post("/api/v1/graphs/nightly/runs", R"({"date": ""})").status, 400)
      << "who means now leaves it out";
  EXPECT_EQ(Get("/api/v1/instants?zone=").status, 400);
}

// The OpenAPI document had no bodies and no query parameters; what it has is what the routes take.
TEST_F(FrontTest, DescribesWhatQueriesAndBodiesMayHave) {
  const json document = Body(Get("/api/v1/openapi.json"));
  for (const Route& route : front_->routes().all()) {
    const std::string method = route.method == http::Method::kGet ? "get" : "post";
    const json& described = document["paths"][route.pattern][method];
    std::set<std::string> queries;
    for (const json& one : described["parameters"]) {
      if (one["in"] == "query") queries.insert(one["name"]);
    }
    EXPECT_EQ(queries.size(), route.query.size()) << route.pattern;
    if (route.method != http::Method::kPost) continue;
    const json& schema = described["requestBody"]["content"]["application/json"]["schema"];
    EXPECT_EQ(schema["properties"].size(), route.body.size()) << route.pattern;
    for (const auto& [name, field] : schema["properties"].items()) {
      const json wrong = field["type"] == "object" ? json::array() : json::object();
      const http::Response response = Post(PathOf(route), json{{name, wrong}}.dump(), "admin");
      EXPECT_EQ(response.status, 400) << route.pattern;
      const std::string detail = Body(response)["detail"];
      EXPECT_TRUE(detail.starts_with("\"" + name + "\" must be ")) << route.pattern << detail;
    }
  }
  const json& runs = document["paths"]["/api/v1/runs"]["get"]["parameters"];
  EXPECT_EQ(runs[1]["name"], "state");
  EXPECT_EQ(runs[1]["in"], "query");
  const json& token =
      document["paths"]["/api/v1/tokens"]["post"]["requestBody"]["content"]["application/json"];
  EXPECT_EQ(token["schema"]["required"], json::array({"name"}));
  EXPECT_EQ(token["schema"]["properties"]["confines"]["type"], "array");
}

// A route that took too little was noticed by no test: each was asked for what it says of itself.
TEST_F(FrontTest, TakesTheScopeThatTheManualSays) {
  const std::map<std::string, access::Scope> other = {
      {"POST /api/v1/services/{service}/predict", access::Scope::kViewer},  // changes nothing
      {"GET /api/v1/tokens", access::Scope::kAdmin},
      {"POST /api/v1/tokens", access::Scope::kAdmin},
      {"POST /api/v1/tokens/{token}/revoke", access::Scope::kAdmin}};
  for (const Route& route : front_->routes().all()) {
    const std::string name = std::string(NameOf(route.method)) + " " + route.pattern;
    const auto found = other.find(name);
    const access::Scope usual =
        route.method == http::Method::kGet ? access::Scope::kViewer : access::Scope::kOperator;
    EXPECT_EQ(route.scope, found == other.end() ? usual : found->second) << name;
  }
}

TEST_F(FrontTest, LetsNoGetChangeAnything) {
  const std::string run = RunToEnd("nightly");
  const auto count = [&] {
    return record::OpenRecord(home_.RecordUrl()).value()->Events("").value().size();
  };
  const std::size_t before = count();
  for (const Route& route : front_->routes().all()) {
    if (route.method != http::Method::kGet || route.pattern.ends_with("/live")) continue;
    const std::string path = Replaced(PathOf(route), "20190801-070000-k3f9x2", run);
    const bool is_there = !path.ends_with("Z") &&
                          path.find("shop.predictions") == std::string::npos &&
                          !path.ends_with("/predict");  // nothing is served here
    EXPECT_EQ(Get(path, "admin").status, is_there ? 200 : 404) << path;
  }
  EXPECT_EQ(count(), before);
}

TEST_F(FrontTest, SaysWhatIsWrongWithABody) {
  const auto detail = [&](const std::string& body) {
    const http::Response response = Post("/api/v1/graphs/nightly/runs", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.type, "application/problem+json");
    return Body(response)["detail"].get<std::string>();
  };
  const std::string text = " must be text of at most 1,000 bytes without control characters";
  EXPECT_EQ(detail("[]"), "the body must be a JSON object, {...}");
  EXPECT_TRUE(detail("{").starts_with("the body:1:2: ")) << detail("{");
  EXPECT_EQ(detail(R"({"dat": "2019-08-01"})"),
            "there is no \"dat\" in this request; did you mean \"date\"?");
  EXPECT_EQ(detail(R"({"colour": 1})"), "there is no \"colour\" in this request");
  EXPECT_EQ(detail(R"({"date": 1})"), "\"date\"" + text);
  EXPECT_EQ(detail(R"({"force": "yes"})"), "\"force\" must be true or false");
  EXPECT_EQ(detail(R"({"key": ")" + std::string(1001, 'k') + "\"}"), "\"key\"" + text);
  EXPECT_FALSE(detail(R"({"date": "soon"})").empty());
  EXPECT_EQ(
      Post("/api/v1/graphs/nightly/runs", R"({"key": ")" + std::string(1000, 'k') + "\"}").status,
      201)
      << "it may be that long";
  EXPECT_TRUE(detail(std::string(100'000, '[')).starts_with("the body:1:"));
}

// Of a name that came twice the last counted, where others take the first; and a line end in a key
// forged a line of Busker's log.
TEST_F(FrontTest, TakesNoBodyThatTwoReadersCouldUnderstandInTwoWays) {
  EXPECT_EQ(Post("/api/v1/graphs/nightly/runs", R"({"key": "a", "key": "b"})").status, 400);
  EXPECT_EQ(Post("/api/v1/graphs/nightly/runs", R"({"force": false, "force": false})").status, 400);
  EXPECT_EQ(Post("/api/v1/graphs/nightly/runs", "{\"key\": \"a\\nbusker: all is well\"}").status,
            400);
  EXPECT_EQ(Post("/api/v1/graphs/nightly/runs", "{\"key\": \"a\\u0000\"}").status, 400);
  EXPECT_EQ(Body(Get("/api/v1/runs"))["runs"].size(), 0u);
}

TEST_F(FrontTest, DescribesEveryRouteInItsOpenApiDocument) {
  const json document = Body(Get("/api/v1/openapi.json"));
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::size_t described = 0;
  for (const auto& [path, methods] : document["paths"].items()) described += methods.size();
  EXPECT_EQ(described, front_->routes().all().size());
  const json& start = document["paths"]["/api/v1/graphs/{graph}/runs"]["post"];
  EXPECT_EQ(start["x-scope"], "operator");
  EXPECT_EQ(start["parameters"][0]["name"], "graph");
}

TEST_F(FrontTest, ServesThePagesOfTheDashboard) {
  EXPECT_EQ(Assets().size(), 4u);
  for (const Asset& asset : Assets()) {
    const http::Response response = Get(std::string(asset.path));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, asset.bytes);
    EXPECT_FALSE(response.body.empty());
  }
}

TEST_F(FrontTest, SendsNothingThatTheClientHasAlready) {
  const auto header = [](const http::Response& response, const std::string& wanted) {
    for (const auto& [name, value] : response.headers) {
      if (name == wanted) return value;
    }
    return std::string();
  };
  for (const char* const target :
       {"/", "/app.js", "/app.css", "/api/v1/me", "/api/v1/runs?limit=5", "/api/v1/openapi.json"}) {
    const http::Response whole = Get(target);
    const std::string tag = header(whole, "ETag");
    EXPECT_EQ(tag.size(), 34u) << target;
    EXPECT_EQ(header(whole, "Cache-Control"), "private, no-cache") << target;
    EXPECT_EQ(header(Get(target), "ETag"), tag) << target;
    for (const http::Method method : {http::Method::kGet, http::Method::kHead}) {
      http::Request request = Make(method, target, tokens_.at("viewer"));
      request.headers["if-none-match"] = "\"other\", W/" + tag;
      const http::Response same = front_->Answer(request, Now());
      EXPECT_EQ(same.status, 304) << target;
      EXPECT_EQ(same.body, "") << target;
      EXPECT_EQ(header(same, "ETag"), tag) << target;
      request.headers["if-none-match"] = "\"other\"";
      EXPECT_EQ(front_->Answer(request, Now()).status, 200) << target;
    }
    http::Request stranger = Make(http::Method::kGet, target, "");
    stranger.headers["if-none-match"] = tag;
    EXPECT_EQ(front_->Answer(stranger, Now()).status, 401)
        << "who may not ask is told nothing by it";
  }
  const std::string before = header(Get("/api/v1/runs"), "ETag");
  const std::string run = RunToEnd("nightly");
  EXPECT_NE(header(Get("/api/v1/runs"), "ETag"), before);
  for (const std::string& target :
       {std::string("/metrics"), std::string("/api/v1/live"), std::string("/api/v1/none"),
        std::string("/healthz"), "/api/v1/runs/" + run + "/tasks/a/attempts/1/log"}) {
    EXPECT_EQ(header(Get(target), "ETag"), "") << target;
  }
}

// A tag that is made of less than the whole answer keeps from the client what has changed.
TEST_F(FrontTest, SendsAnewWhatHasChangedAtItsEnd) {
  for (const char* const target : {"/api/v1/graphs", "/api/v1/graphs/shop:training"}) {
    const http::Response before = Get(target);
    ASSERT_EQ(Post("/api/v1/graphs/shop:training/pause").status, 200);
    const http::Response after = Get(target);
    EXPECT_EQ(before.body.substr(0, 40), after.body.substr(0, 40)) << "the beginning is the same";
    EXPECT_NE(HeaderOf(before, "ETag"), HeaderOf(after, "ETag")) << target;
    ASSERT_EQ(Post("/api/v1/graphs/shop:training/resume").status, 200);
  }
  const std::string before = HeaderOf(Get("/api/v1/tokens", "admin"), "ETag");
  ASSERT_EQ(Post("/api/v1/tokens", R"({"name": "zzz"})", "admin").status, 201);
  EXPECT_NE(HeaderOf(Get("/api/v1/tokens", "admin"), "ETag"), before);
}

TEST(Origins, AreWhatBrowsersCallTheServer) {
  service::HttpSetting setting;
  using Names = std::vector<std::string>;
  EXPECT_EQ(OriginsOf(setting, 8321), (Names{"http://127.0.0.1:8321", "http://localhost:8321"}));
  setting.names = {"https://Busker.Example.com:443", "http://a:80", "https://b:8443"};
  setting.address = "::1";
  EXPECT_EQ(OriginsOf(setting, 80), (Names{"https://busker.example.com", "http://a",
                                           "https://b:8443", "http://[::1]", "http://localhost"}));
  setting.certificate = "certificate.pem";
  setting.names = {"https://b"};
  setting.address = "0.0.0.0";
  EXPECT_EQ(OriginsOf(setting, 8443),
            (Names{"https://b", "https://127.0.0.1:8443", "https://localhost:8443"}));
  setting.address = "10.0.0.1";
  EXPECT_EQ(OriginsOf(setting, 443), (Names{"https://b", "https://10.0.0.1"}));
}

}  // namespace
}  // namespace busker::serve
