#include "io/proxy.h"

#include <gtest/gtest.h>

#include "io/http_session.h"
#include "io/test_server.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;

class ProxyTest : public testing::Test {
 protected:
  static constexpr const char* kNames[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY",
                                           "all_proxy",  "ALL_PROXY",   "no_proxy",    "NO_PROXY"};
  ProxyTest() { Clear(); }
  ~ProxyTest() override { Clear(); }
  static void Clear() {
    for (const char* name : kNames) unsetenv(name);
  }
  // "host:port authorization", "none", or what is wrong.
  static std::string Of(const std::string& url) {
    const auto proxy = ProxyFor(ParseHttpUrl(url).value());
    if (!proxy) return proxy.error().message;
    if (!*proxy) return "none";
    return (*proxy)->host + ":" + std::to_string((*proxy)->port) + " " + (*proxy)->authorization;
  }
};

TEST_F(ProxyTest, IsWhatTheEnvironmentNames) {
  EXPECT_EQ(Of("http://example.com/"), "none");
  setenv("HTTP_PROXY", "http://cgi:1", 1);
  EXPECT_EQ(Of("http://example.com/"), "none") << "a request can set this one";
  setenv("ALL_PROXY", "all:1", 1);
  EXPECT_EQ(Of("http://example.com/"), "all:1 ");
  EXPECT_EQ(Of("https://example.com/"), "all:1 ");
  setenv("http_proxy", "http://one:3128/", 1);
  setenv("HTTPS_PROXY", "user:p%40ss@two:80", 1);
  EXPECT_EQ(Of("http://example.com/"), "one:3128 ");
  EXPECT_EQ(Of("https://example.com/"), "two:80 Basic dXNlcjpwQHNz");
  setenv("https_proxy", "http://three", 1);
  EXPECT_EQ(Of("https://example.com/"), "three:1080 ") << "as with libcurl";
}

TEST_F(ProxyTest, OfAKindThatIsNotSpokenIsToldWithoutItsPassword) {
  for (const std::string named : {"socks5://u:word@proxy:1", "https://u:word@proxy:1", "http://"}) {
    setenv("http_proxy", named.c_str(), 1);
    EXPECT_NE(Of("http://example.com/").find("cannot be used"), std::string::npos) << named;
    EXPECT_EQ(Of("http://example.com/").find("word"), std::string::npos) << named;
  }
}

TEST_F(ProxyTest, SomeHostsAreCalledWithoutOne) {
  constexpr std::string_view kList =
      "localhost, .example.com,intern ,10.0.0.0/8,192.168.1.7,fd00::/8";
  for (const std::string host : {"localhost", "example.com", "a.b.EXAMPLE.com", "example.com.",
                                 "intern", "x.intern", "10.1.2.3", "192.168.1.7", "fd12::1"}) {
    EXPECT_TRUE(IsOnNoProxyList(host, kList)) << host;
  }
  for (const std::string host : {"notexample.com", "example.com.evil", "11.0.0.1", "192.168.1.8",
                                 "fe80::1", "xintern", ""}) {
    EXPECT_FALSE(IsOnNoProxyList(host, kList)) << host;
  }
  EXPECT_TRUE(IsOnNoProxyList("anything", "*"));
  EXPECT_FALSE(IsOnNoProxyList("anything", ""));
  EXPECT_FALSE(IsOnNoProxyList("10.0.0.1", "10.0.0.0/99"));
}

TEST_F(ProxyTest, IsAskedForTheWholeUrlInTheClear) {
  TestHttpServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true);
  setenv("http_proxy", ("http://user:word@" + server.Place()).c_str(), 1);
  HttpSession session;
  HttpRequest request;
  for (const std::string host : {"one.invalid", "two.invalid:81"}) {
    request.url = "http://" + host + "/path?query";
    ASSERT_TRUE(session.Send(request, Within(10s)));
  }
  const auto seen = server.requests().All();
  EXPECT_EQ(seen[0].target, "http://one.invalid/path?query");
  EXPECT_EQ(seen[0].headers.at("host"), "one.invalid");
  EXPECT_EQ(seen[0].headers.at("proxy-authorization"), "Basic dXNlcjp3b3Jk");
  EXPECT_EQ(seen[1].target, "http://two.invalid:81/path?query");
  EXPECT_EQ(server.connections(), 1) << "one proxy is one connection";
}

TEST_F(ProxyTest, IsAskedForATunnelForTls) {
  TestHttpServer server(TestAnswer("407 Who are you"));
  setenv("https_proxy", ("http://user:word@" + server.Place()).c_str(), 1);
  HttpSession session;
  HttpRequest request;
  request.url = "https://one.invalid/path";
  request.headers = {{"Authorization", "for one.invalid alone"}};
  const auto response = session.Send(request, Within(10s));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary);
  EXPECT_NE(response.error().message.find("407"), std::string::npos);
  EXPECT_EQ(response.error().message.find("word"), std::string::npos);
  const TestHttpRequest seen = server.requests().All().at(0);
  EXPECT_EQ(seen.method, "CONNECT");
  EXPECT_EQ(seen.target, "one.invalid:443");
  EXPECT_EQ(seen.headers.at("host"), "one.invalid:443");
  EXPECT_EQ(seen.headers.at("proxy-authorization"), "Basic dXNlcjp3b3Jk");
  EXPECT_FALSE(seen.headers.contains("authorization"));
}

}  // namespace
}  // namespace busker::io
