// Requests that two readers could understand in two ways, or that are larger than they may be: what
// a listener says to each, over the wire.
#include <gtest/gtest.h>

#include <atomic>

#include "http/listener_fixture.h"

namespace busker::http {
namespace {

struct Case {
  std::string name;
  std::string bytes;
  int status;        // of the first answer; 0: none, the connection is closed
  int asked;         // requests that reached a handler
  std::string then;  // what the rest of the answers has; empty: anything
};

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n";
const std::string kPost = "POST /p HTTP/1.1\r\nHost: x\r\n";
const std::string kLast = "Connection: close\r\n\r\n";
const std::string kNext = "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

std::string Times(std::size_t count, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::string Fields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "A" + std::to_string(i) + ": b\r\n";
  return fields;
}

// Each is refused before a handler sees anything of it, and nothing behind it is a request.
std::vector<Case> Refused() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, const std::string& bytes, int status = 400) {
    cases.push_back({name, bytes + kNext, status, 0, ""});
  };
  // A length that is told in two ways, or in none that all understand.
  add("length, then chunked",
      kPost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  add("chunked, then length",
      kPost + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n");
  add("length of none, and chunked",
      kPost + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  add("two lengths", kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd");
  add("one length twice", kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc");
  add("two lengths in a list", kPost + "Content-Length: 3, 3\r\n\r\nabc");
  add("lengths in other letters", kPost + "content-length: 3\r\nCONTENT-LENGTH: 4\r\n\r\nabcd");
  for (const std::string length : {"-1", "+3", "0x3", "3 3", "3;", "3.0", "3e0", "\"3\"", "three",
                                   "", " ", "99999999999999999999", "18446744073709551616",
                                   "18446744073709551619", "9223372036854775808"}) {
    add("length \"" + length + "\"", kPost + "Content-Length: " + length + "\r\n\r\nabc",
        length == "9223372036854775808" ? 413 : 400);
  }
  for (const std::string coding : {"gzip", "identity", "gzip, chunked", "chunked, gzip",
                                   "chunked, chunked", "chunked, identity", "xchunked", "chunkedx",
                                   "\"chunked\"", "chunked;q=1", ",chunked", "chunked,", "",
                                   "\x0b"
                                   "chunked",
                                   "cow", "chunked\x7f"}) {
    add("coding \"" + coding + "\"", kPost + "Transfer-Encoding: " + coding + "\r\n\r\n0\r\n\r\n");
  }
  add("two codings",
      kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  add("two codings, one unknown",
      kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n");
  add("chunked in HTTP/1.0",
      "POST /p HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  add("a blank before the colon of a coding",
      kPost + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n");
  add("a tab before the colon of a length", kPost + "Content-Length\t: 3\r\n\r\nabc");
  // Line ends.
  add("lines of LF alone", "GET / HTTP/1.1\nHost: x\n\n");
  add("one line of LF alone", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n");
  add("a request line of LF alone", "GET / HTTP/1.1\nHost: x\r\n\r\n");
  add("CR alone", kGet + "A: b\rC: d\r\n\r\n");
  add("CR at the end of a value", kGet + "A: b\r\r\n\r\n");
  add("LF and CR", kGet + "A: b\n\rC: d\r\n\r\n");
  add("an end of LF and LF", kGet + "A: b\n\n");
  add("an end of CR LF LF", kGet + "A: b\r\n\n");
  add("an empty line before", "\r\n" + kGet + "\r\n");
  add("a blank line before", " \r\n" + kGet + "\r\n");
  // Lines that go on in the next.
  add("a fold of a blank", kGet + "A: b\r\n c\r\n\r\n");
  add("a fold of a tab", kGet + "A: b\r\n\tc\r\n\r\n");
  add("a fold of nothing", kGet + "A: b\r\n \r\n\r\n");
  add("a fold of a coding", kPost + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n");
  add("a fold of a length", kPost + "Content-Length:\r\n 3\r\n\r\nabc");
  add("a fold of the first line", "GET / HTTP/1.1\r\n Host: x\r\n\r\n");
  // Names of fields.
  for (const std::string name : {"A ", " A", "A B", "A\t", "", "A(", "A[]", "A\\", "\"A\"", "A;",
                                 "A,", "A@", "A{", "\xC3\xA9", "A\x7F", "A/B"}) {
    add("field \"" + name + "\"", kGet + name + ": b\r\n\r\n");
  }
  add("a line without a colon", kGet + "A\r\n\r\n");
  add("a NUL in a value", kGet + std::string("A: \0b\r\n\r\n", 9));
  add("a NUL in a name", kGet + std::string("A\0: b\r\n\r\n", 9));
  add("a NUL in the target", std::string("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 28));
  add("a NUL at first", std::string("\0", 1) + kGet + "\r\n");
  for (const char control : {'\x01', '\x08', '\x0B', '\x0C', '\x1B', '\x7F'}) {
    add("a control character in a value", kGet + "A: b" + control + "\r\n\r\n");
  }
  // The first line.
  for (const std::string line : {"hello",
                                 "GET /",
                                 "GET",
                                 "GET  / HTTP/1.1",
                                 "GET /  HTTP/1.1",
                                 "GET / HTTP/1.1 ",
                                 " GET / HTTP/1.1",
                                 "GET\t/\tHTTP/1.1",
                                 "GET / http/1.1",
                                 "GET / HTTP/2.0",
                                 "GET / HTTP/1.2",
                                 "GET / HTTP/0.9",
                                 "GET / HTTP/1",
                                 "GET / HTTP/1.10",
                                 "GET / HTTP/11",
                                 "GET / HTTPS/1.1",
                                 "GET / ICAP/1.0",
                                 "G(T / HTTP/1.1",
                                 "GET /a b HTTP/1.1",
                                 "/ HTTP/1.1",
                                 "GET HTTP/1.1",
                                 "PRI * HTTP/2.0",
                                 "GET /\x7F HTTP/1.1"}) {
    add("line \"" + line + "\"", line + "\r\nHost: x\r\n\r\n");
  }
  // Targets that are no path of this server.
  for (const std::string target :
       {"http://x/", "https://x/", "http://evil.test/", "x:443", "*", "x", "?a", "ftp://x/"}) {
    add("target \"" + target + "\"", "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  add("a tunnel", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n");
  add("options of all", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
  // Hosts.
  add("no host", "GET / HTTP/1.1\r\n\r\n");
  add("two hosts", kGet + "Host: y\r\n\r\n");
  add("a host twice", kGet + "Host: x\r\n\r\n");
  // Chunks.
  for (const std::string chunk :
       {"zz\r\n\r\n", "-1\r\n\r\n", "+1\r\na\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", "\r\n", ";\r\n",
        "g\r\n", "1\nab\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\r\nab\r\n0\r\n\r\n\r\n",
        "3\r\nabcXX0\r\n\r\n", "1;\x01\r\na\r\n0\r\n\r\n", "10000000000000000\r\n",
        "fffffffffffffffff\r\n", "1 1\r\na\r\n", "1\r\r\na\r\n"}) {
    add("chunk " + std::to_string(cases.size()), kChunked + chunk);
  }
  // Sizes.
  add("a chunk beyond the limit", kChunked + "100001\r\n", 413);
  add("the largest chunk there is", kChunked + "ffffffffffffffff\r\n", 413);
  add("chunks beyond the limit",
      kChunked + Times(17, "10000\r\n" + std::string(0x10000, 'a') + "\r\n"), 413);
  add("a body beyond the limit", kPost + "Content-Length: 1048577\r\n\r\n", 413);
  add("a long value", kGet + "A: " + std::string(17 << 10, 'a') + "\r\n\r\n", 431);
  add("a long name", kGet + std::string(17 << 10, 'a') + ": b\r\n\r\n", 431);
  add("a long target", "GET /" + std::string(17 << 10, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431);
  add("a long method", std::string(17 << 10, 'A') + " / HTTP/1.1\r\nHost: x\r\n\r\n", 431);
  add("a head that never ends", kGet + Times(3000, "A: b\r\n") + "A", 431);
  add("many fields", kGet + Fields(100) + "\r\n", 431);
  add("a long line of a chunk", kChunked + "1;" + std::string(40 << 10, 'a'));
  add("endless fields behind the chunks", kChunked + "0\r\n" + Times(8000, "A: b\r\n"));
  return cases;
}

// These are requests, and how long each is, is known.
std::vector<Case> Taken() {
  return {
      {"blanks around a value", kGet + "A: \t b \t \r\n" + kLast, 200, 1, ""},
      {"a length with noughts", kPost + "Content-Length: 0003\r\n\r\nabc" + kNext, 200, 2, "/next"},
      {"a length of none", kPost + "Content-Length: 0\r\n\r\n" + kNext, 200, 2, "/next"},
      {"no body", kPost + "\r\n" + kNext, 200, 2, "/next"},
      {"a body of a GET", kGet + "Content-Length: 4\r\n\r\nGET " + kNext, 200, 2, "/next"},
      {"a request in a body",
       kPost + "Content-Length: " + std::to_string(kNext.size()) + "\r\n\r\n" + kNext + kNext, 200,
       2, "/next"},
      {"chunks", kChunked + "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n" + kNext, 200, 2, "/next"},
      {"chunks in capitals",
       kPost + "Transfer-Encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n" + kNext, 200, 2,
       "/next"},
      {"an extension of a chunk", kChunked + "3;a=b\r\nabc\r\n0\r\n\r\n" + kNext, 200, 2, "/next"},
      {"fields behind the chunks",
       kChunked + "1\r\na\r\n0\r\nHost: evil.test\r\nAuthorization: x\r\n\r\n" + kNext, 200, 2,
       "/next"},
      {"99 fields beside the host", kGet + Fields(98) + kLast, 200, 1, ""},
      {"a body of the limit",
       kPost + "Content-Length: 1048576\r\n\r\n" + std::string(1 << 20, 'a') + kNext, 200, 2,
       "/next"},
      {"a hundred requests at once", Times(100, kGet + "\r\n") + kNext, 200, 101, "/next"},
      {"an old client", "GET / HTTP/1.0\r\nHost: x\r\n\r\n" + kNext, 200, 1, ""},
      {"an old client that would stay",
       "GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + kNext, 200, 1,
       "Connection: close"},
      {"nothing behind a close", kGet + kLast + kNext, 200, 1, ""},
      {"another method", "PUT / HTTP/1.1\r\nHost: x\r\n" + kLast, 200, 1, ""},
      {"a refused request behind a good one", kGet + "\r\n" + kGet + "A : b\r\n\r\n" + kNext, 200,
       1, "400 Bad Request"},
  };
}

class Smuggling : public ListenerFixture {};

TEST_F(Smuggling, RefusesWhatTwoReadersCouldUnderstandInTwoWays) {
  const std::vector<Case> cases = Refused();
  EXPECT_GE(cases.size(), 120u);
  for (const Case& each : cases) {
    asked_ = 0;
    const std::string answer = Ask(each.bytes);
    EXPECT_EQ(asked_, 0) << each.name << "\n" << answer;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(each.status))) << each.name << "\n"
                                                                               << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos)
        << each.name << ": one answer, and no more";
    EXPECT_TRUE(answer.ends_with("(closed)")) << each.name << "\n" << answer;
  }
}

TEST_F(Smuggling, TakesWhatIsARequestAndNothingOfItForAnother) {
  for (const Case& each : Taken()) {
    asked_ = 0;
    const std::string answer = Ask(each.bytes);
    EXPECT_EQ(asked_, each.asked) << each.name << "\n" << answer;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(each.status))) << each.name << "\n"
                                                                               << answer;
    EXPECT_NE(answer.find(each.then), std::string::npos) << each.name << "\n" << answer;
    EXPECT_TRUE(answer.ends_with("(closed)")) << each.name << "\n" << answer;
  }
}

// Fields behind the last chunk became headers of the request, as if they had been in its head.
TEST_F(Smuggling, TakesNoHeaderFromBehindTheChunks) {
  Ask(kChunked + "1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n" + kNext);
  EXPECT_FALSE(first_.headers.contains("authorization"));
  EXPECT_EQ(first_.body, "a");
}

// One byte after the other is the same request.
TEST_F(Smuggling, TakesARequestThatComesInPieces) {
  const io::Descriptor fd = Connect();
  for (const char c : kChunked + "3\r\nabc\r\n0\r\n\r\n" + kNext) Send(fd, std::string(1, c));
  const std::string answer = Receive(fd);
  EXPECT_EQ(asked_, 2) << answer;
  EXPECT_EQ(first_.body, "abc");
}

// The parser ended the program, where its assertions are on, when the last chunk came in pieces and
// was the first one, too.
TEST_F(Smuggling, TakesABodyOfNoChunksThatComesInPieces) {
  const io::Descriptor fd = Connect();
  Send(fd, kChunked);
  for (const char c : "0\r\n\r\n" + kNext) Send(fd, std::string(1, c));
  const std::string answer = Receive(fd);
  EXPECT_EQ(asked_, 2) << answer;
  EXPECT_TRUE(Ask(kChunked + "0\r\n`\n" + kNext).starts_with("HTTP/1.1 400"));
}

}  // namespace
}  // namespace busker::http
