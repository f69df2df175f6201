#include "io/url.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

#include "io/refused_address.h"

namespace busker::io {
namespace {

TEST(Url, TellsItsOriginAndNoSecret) {
  EXPECT_EQ(OriginOf("https://u:p@example.com:8443/a?b#c"), "https://example.com:8443");
  EXPECT_EQ(OriginOf("http://[::1]:80/"), "http://[::1]:80");
  EXPECT_EQ(OriginOf("https://example.com?token"), "https://example.com");
  EXPECT_EQ(OriginOf("token"), "(a URL without a host)");
}

TEST(Url, TellsItsHost) {
  EXPECT_EQ(HostOf("http://a@b@example.com:1/x@y"), "example.com");
  EXPECT_EQ(HostOf("http://[fe80::1]:80/"), "fe80::1");
  EXPECT_EQ(HostOf("http://"), "");
}

TEST(Url, KnowsTheSpellingsOfThisMachine) {
  for (const std::string host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const std::string host : {"localhost.example.com", "127.0.0.1.example.com", "128.0.0.1",
                                 "::2", "", "0.0.0.0", "2130706433"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

sockaddr_storage Address(const std::string& text) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&storage, &v4, sizeof v4);
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return storage;
}

bool Refused(const std::string& text) {
  const sockaddr_storage address = Address(text);
  return IsRefusedAddress(reinterpret_cast<const sockaddr*>(&address));
}

bool Loopback(const std::string& text) {
  const sockaddr_storage address = Address(text);
  return IsLoopbackAddress(reinterpret_cast<const sockaddr*>(&address));
}

TEST(RefusedAddress, IsEveryFormOfALinkLocalOne) {
  for (const std::string text :
       {"169.254.169.254", "169.254.0.0", "169.254.255.255", "fe80::1", "febf:ffff::1",
        "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::", "fd00:ec2::254", "this is no address"}) {
    EXPECT_TRUE(Refused(text)) << text;
  }
}

TEST(RefusedAddress, IsNoOther) {
  for (const std::string text :
       {"169.253.255.255", "169.255.0.0", "127.0.0.1", "10.0.0.1", "192.168.0.1", "8.8.8.8", "::1",
        "fec0::1", "fe7f::1", "fd00:ec2::253", "::ffff:8.8.8.8", "2001:db8::a9fe:a9fe"}) {
    EXPECT_FALSE(Refused(text)) << text;
  }
}

TEST(LoopbackAddress, IsThisMachineAlone) {
  for (const std::string text : {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(Loopback(text)) << text;
  }
  for (const std::string text : {"128.0.0.1", "::2", "::", "::ffff:10.0.0.1", "64:ff9b::1",
                                 "2002:7f00:1::", "::127.0.0.1"}) {
    EXPECT_FALSE(Loopback(text)) << text;
  }
}

TEST(Url, IsTakenApart) {
  const auto url = ParseHttpUrl("https://us%65r:p%40ss@example.com:8443/a/b?c=d#e");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_TRUE(url->is_safe);
  EXPECT_EQ(url->host, "example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(url->user, "user:p@ss");
  EXPECT_EQ(url->Place(), "example.com:8443");
  EXPECT_EQ(ParseHttpUrl("http://example.com")->target, "/");
  EXPECT_EQ(ParseHttpUrl("http://example.com?a")->target, "/?a");
  EXPECT_EQ(ParseHttpUrl("http://example.com:80/")->Place(), "example.com");
  EXPECT_EQ(ParseHttpUrl("http://example.com:/")->port, 80);
  EXPECT_EQ(ParseHttpUrl("https://[::1]:443/")->Place(), "[::1]");
  EXPECT_EQ(ParseHttpUrl("https://[::1]/")->PlaceWithPort(), "[::1]:443");
}

TEST(Url, WithAPortOrAnAddressThatCannotBeIsRefused) {
  for (const std::string url :
       {"http://a:0/", "http://a:65536/", "http://a:x/", "http://a:80x/", "http://a:-1/",
        "http://[::1/", "http://[::1]x/", "http://[::1]80/"}) {
    const auto parsed = ParseHttpUrl(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
  }
}

TEST(Url, ARedirectLeadsOnFromWhereItWas) {
  const std::string base = "https://u:p@example.com:1/a/b?c#d";
  EXPECT_EQ(ResolveUrl(base, "http://other/x"), "http://other/x");
  EXPECT_EQ(ResolveUrl(base, "//other/x"), "https://other/x");
  EXPECT_EQ(ResolveUrl(base, "/x?y"), "https://example.com:1/x?y");
  EXPECT_EQ(ResolveUrl(base, "x?u=http://z"), "https://example.com:1/a/x?u=http://z");
  EXPECT_EQ(ResolveUrl(base, "?x"), "https://example.com:1/a/b?x");
  EXPECT_EQ(ResolveUrl("https://example.com", "x"), "https://example.com/x");
}

TEST(Url, APartOfItIsEncodedByPercent) {
  EXPECT_EQ(PercentEncoded("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(PercentEncoded("a b/c:\xc3\xa9"), "a%20b%2Fc%3A%C3%A9");
}

TEST(Base64, IsReadAsItIsWritten) {
  for (const std::string text : {"", "a", "ab", "abc", "\xff\xfe\x00z"}) {
    EXPECT_EQ(FromBase64(Base64Of(text)).value_or("none"), text);
  }
  EXPECT_EQ(Base64Of("\xff\xfb?a"), "//s/YQ==");
  EXPECT_EQ(Base64UrlOf("\xff\xfb?a"), "__s_YQ==");
  EXPECT_FALSE(FromBase64("abc"));
  EXPECT_FALSE(FromBase64("%%%%"));
}

}  // namespace
}  // namespace busker::io
