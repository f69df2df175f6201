// Whatever stands where a name of ours is expected: no file is reached by it, and no answer tells
// where Busker keeps its own.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>

#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

// 400 and more: ways out of a folder, in the spellings that some server has fallen for.
std::vector<std::string> Traversals() {
  std::vector<std::string> all;
  const std::vector<std::string> dots = {
      "..",    ".",          "...",        "....",         "%2e%2e",
      "%2E.",  ".%2e",       "%252e%252e", "%c0%ae%c0%ae", "%uff0e%uff0e",
      "..;",   ".. ",        "..%00",      "..%0d",        "..%0a",
      "..%09", "..%20",      "~",          "~root",        "C:",
      "..~1",  "-",          "--",         "..:..",        "..:",
      ":..",   "nightly:..", "shop:..",    "shop:.",       "..%ff"};
  const std::vector<std::string> slashes = {"/",      "\\",        "%2f", "%2F",   "%5c",
                                            "%252f",  "%255c",     "//",  "/./",   "\\/",
                                            "%c0%af", "%e0%80%af", "/;/", "%2f%2f"};
  const std::vector<std::string> goals = {"", "etc/passwd", "tokens.json", "busker.db"};
  for (const std::string& dot : dots) {
    all.push_back(dot);
    for (const std::string& slash : slashes) {
      all.push_back(dot + slash + dot + slash + goals[all.size() % goals.size()]);
    }
  }
  for (const char* const other : {"file:///etc/passwd",
                                  "file:%2f%2f%2fetc%2fpasswd",
                                  "http://127.0.0.1/",
                                  "etc%2fpasswd",
                                  "%2fetc%2fpasswd",
                                  "%00",
                                  "%0d%0aX: y",
                                  "${PATH}",
                                  "$(id)",
                                  "`id`",
                                  "|id",
                                  ";id",
                                  "&&id",
                                  "'",
                                  "\"",
                                  "' OR 1=1 --",
                                  "1;DROP TABLE runs",
                                  "{{7*7}}",
                                  "${jndi:ldap:x}",
                                  "<script>",
                                  "%3cscript%3e",
                                  "\xC3\xA9",
                                  "\xFF\xFE",
                                  "con",
                                  "nul",
                                  "aux.txt",
                                  "runs",
                                  "logs",
                                  "live.json",
                                  "manifest.json",
                                  "..%2f..%2f..%2f..%2f..%2f..%2fetc"
                                  "%2fshadow",
                                  "0",
                                  "-1",
                                  "00",
                                  "1e3",
                                  "9223372036854775808",
                                  "18446744073709551616",
                                  "null",
                                  "undefined",
                                  "__proto__",
                                  "constructor"}) {
    all.emplace_back(other);
  }
  for (const std::size_t length : {64u, 255u, 256u, 1000u, 1900u}) {
    all.push_back(std::string(length, 'a'));
    all.push_back(std::string(length, '.'));
    all.push_back(std::string(length, ':'));
  }
  return all;
}

// A pattern's path, with `what` for the parameter number `at` and something that is there for
// others.
std::string PathWith(const std::string& pattern, int at, const std::string& what,
                     const std::string& run) {
  std::string path;
  int number = 0;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '{') {
      path += pattern[i++];
      continue;
    }
    const std::size_t end = pattern.find('}', i);
    const std::string name = pattern.substr(i + 1, end - i - 1);
    path += number++ == at       ? what
            : name == "run"      ? run
            : name == "graph"    ? "nightly"
            : name == "service"  ? "shop"
            : name == "attempt"  ? "1"
            : name == "delivery" ? "none"
                                 : "a";
    i = end + 1;
  }
  return path;
}

// What says where something is on this machine, or how it is kept.
std::string Leak(const std::string& body) {
  for (const char* const word :
       {"/home", "/tmp", "/root", "/etc/", "SELECT", "0x", "terminate", "std::"}) {
    if (body.find(word) != std::string::npos) return word;
  }
  return "";
}

TEST_F(FrontTest, FindsNothingByANameThatIsNone) {
  const std::string run = RunToEnd("nightly");
  const std::vector<std::string> traversals = Traversals();
  EXPECT_GE(traversals.size(), 400u);
  int asked = 0;
  for (const Route& route : front_->routes().all()) {
    const auto parameters = std::count(route.pattern.begin(), route.pattern.end(), '{');
    for (int at = 0; at < parameters; ++at) {
      for (const std::string& what : traversals) {
        const std::string path = PathWith(route.pattern, at, what, run);
        http::Request request = Make(route.method, path, tokens_.at("admin"));
        request.body = route.method == http::Method::kPost ? "{}" : "";
        const http::Response response = front_->Answer(request, Now());
        ++asked;
        ASSERT_TRUE(response.status == 404 || response.status == 400)
            << NameOf(route.method) << " " << path << " " << response.status << " "
            << response.body;
        EXPECT_EQ(Leak(response.body), "") << path << " " << response.body;
      }
    }
  }
  EXPECT_GT(asked, 5000);
}

// A test of what refused requests say, and of what is said of those that are answered.
TEST_F(FrontTest, TellsNobodyWhereItsFilesAre) {
  const std::string run = RunToEnd("nightly");
  folder_.Write("graphs/configs/broken.json",
                "{\"graph\": {\"dag_id\": \"broken\"}, \"tasks\": 3}");
  std::string status;
  for (int i = 0; i < 1000 && status.find("broken.json") == std::string::npos; ++i) {
    (void)daemon_->Reload();
    status = Get("/api/v1/status").body;
  }
  ASSERT_NE(status.find("\"file\":\"configs/broken.json\""), std::string::npos) << status;
  for (const Route& route : front_->routes().all()) {
    if (route.method != http::Method::kGet || route.pattern == "/api/v1/live") continue;
    const http::Response response = Get(PathWith(route.pattern, -1, "", run), "admin");
    if (!response.type.starts_with("application/json")) continue;
    EXPECT_EQ(Leak(response.body), "") << route.pattern << response.body;
  }
  std::mt19937 random(20190801);
  const std::vector<std::string> values = {"\"x\"",
                                           "\"/etc/passwd\"",
                                           "1",
                                           "-1",
                                           "1e99",
                                           "null",
                                           "true",
                                           "[]",
                                           "{}",
                                           "\"\"",
                                           "\"2019-08-01\"",
                                           "\"2019-13-45\"",
                                           "\"file:///home/x\"",
                                           "\"\\u0000\"",
                                           "\"' OR 1=1\""};
  const std::vector<std::string> names = {"date", "force",   "key",          "from",
                                          "to",   "dry_run", "runs_at_once", "version",
                                          "why",  "other",   "retry_failed"};
  for (const Route& route : front_->routes().all()) {
    if (route.method == http::Method::kGet) continue;
    // Runs are started by what is well; those of one graph are enough to show.
    for (int i = 0; i < 60; ++i) {
      std::string body = "{";
      for (unsigned j = 0; j < random() % 3; ++j) {
        body += std::string(j > 0 ? ", " : "") + "\"" + names[random() % names.size()] +
                "\": " + values[random() % values.size()];
      }
      if (random() % 10 != 0) body += "}";
      std::string path = PathWith(route.pattern, -1, "", run);
      if (path.ends_with("/runs")) path = "/api/v1/graphs/none/runs";
      const http::Response response = Post(path, body, "admin");
      EXPECT_EQ(Leak(response.body), "") << path << body << response.body;
    }
  }
}

// A record that cannot be read was told with its path to whoever asked.
TEST_F(FrontTest, TellsThePathOfWhatIsWrongInItsLogAlone) {
  folder_.Write("home/tokens.json", "{");
  chmod((folder_ / "home/tokens.json").c_str(), 0600);
  const http::Response response = Get("/api/v1/runs");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(Leak(response.body), "") << response.body;
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_[0].find(folder_.path().string()), std::string::npos) << said_[0];
  const std::string id = said_[0].substr(8, 12);
  EXPECT_NE(response.body.find("\"instance\":\"urn:busker:problem:" + id + "\""), std::string::npos)
      << response.body;
}

}  // namespace
}  // namespace busker::serve
