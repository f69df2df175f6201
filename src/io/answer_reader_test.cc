#include "io/answer_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace busker::io {
namespace {

// What a reader makes of the bytes, in a line: "200 hello +" with "+" when the connection may go
// on, "200 hello ..." when more is to come, else what is wrong.
std::string Read(std::string_view bytes, std::size_t piece = std::string_view::npos,
                 bool is_to_head = false, bool ends = false) {
  AnswerReader reader(is_to_head);
  std::string body;
  while (!bytes.empty()) {
    const auto taken = reader.Add(bytes.substr(0, piece), body);
    if (!taken) return taken.error().message;
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  if (ends) {
    if (const auto end = reader.End(); !end) return end.error().message;
  }
  if (!reader.has_head()) return "...";
  const std::string state = !reader.is_done() ? "..." : reader.may_go_on() ? "+" : "-";
  return std::to_string(reader.status()) + " " + body + " " + state;
}

constexpr char kOk[] = "HTTP/1.1 200 OK\r\n";

TEST(AnswerReader, ReadsAnAnswerHoweverItIsCut) {
  const std::string by_length = std::string(kOk) + "Content-Length: 5\r\nX: y\r\n\r\nhello";
  const std::string by_chunks = std::string(kOk) +
                                "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"
                                "2;name=value\r\nlo\r\n0\r\nTrailer: x\r\n\r\n";
  for (const std::string& answer : {by_length, by_chunks}) {
    for (std::size_t piece = 1; piece <= answer.size(); ++piece) {
      EXPECT_EQ(Read(answer, piece), "200 hello +") << piece;
      EXPECT_NE(Read(answer.substr(0, piece - 1), 1), "200 hello +") << piece;
    }
  }
}

TEST(AnswerReader, PassesOverInterimAnswers) {
  EXPECT_EQ(Read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
                 std::string(kOk) + "Content-Length: 2\r\n\r\nok"),
            "200 ok +");
  std::string endless;
  for (int i = 0; i <= AnswerReader::kInterimMax; ++i) endless += "HTTP/1.1 100 \r\n\r\n";
  EXPECT_NE(Read(endless).find("interim"), std::string::npos);
  EXPECT_NE(Read("HTTP/1.1 101 Switching\r\n\r\n").find("protocol"), std::string::npos);
}

TEST(AnswerReader, SomeAnswersHaveNoBodyWhateverTheySay) {
  const std::string length = "Content-Length: 5\r\n\r\n";
  EXPECT_EQ(Read("HTTP/1.1 204 No Content\r\n" + length), "204  +");
  EXPECT_EQ(Read("HTTP/1.1 304 Not Modified\r\n" + length), "304  +");
  EXPECT_EQ(Read(kOk + length, 7, true), "200  +");
  EXPECT_EQ(Read(std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n", 7, true), "200  +");
  EXPECT_EQ(Read(std::string(kOk) + "\r\n", 7, true), "200  +");
}

TEST(AnswerReader, WithoutALengthTheEndIsTheEnd) {
  const std::string answer = std::string(kOk) + "\r\nhello";
  EXPECT_EQ(Read(answer), "200 hello ...");
  EXPECT_EQ(Read(answer, 3, false, true), "200 hello -");
}

TEST(AnswerReader, AnAnswerThatEndsTooEarlyIsNone) {
  for (const std::string& answer :
       {std::string("HTTP/1.1 2"), std::string(kOk),
        std::string(kOk) + "Content-Length: 5\r\n\r\nhell",
        std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n0\r\n"}) {
    EXPECT_NE(Read(answer, 100, false, true).find("middle"), std::string::npos) << answer;
  }
  EXPECT_NE(Read("", 1, false, true).find("without an answer"), std::string::npos);
}

TEST(AnswerReader, AConnectionGoesOnOnlyWhenBothSidesAreSureOfIt) {
  const auto head = [](const std::string& more) {
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + more + "\r\nok";
  };
  EXPECT_EQ(Read(head("")), "200 ok +");
  EXPECT_EQ(Read(head("Connection: keep-alive\r\n")), "200 ok +");
  EXPECT_EQ(Read(head("Connection: x, Close\r\n")), "200 ok -");
  EXPECT_EQ(Read(head("") + "H"), "200 ok -") << "more than the answer";
  EXPECT_EQ(Read("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), "200 ok -");
}

TEST(AnswerReader, TakesWhatServersSend) {
  EXPECT_EQ(Read("HTTP/1.1 200\nContent-Length: 2\n\nok"), "200 ok +");
  EXPECT_EQ(Read(std::string(kOk) + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
            "200 ok +");
  EXPECT_EQ(Read(std::string(kOk) + "Content-Length: 2, 2\r\n\r\nok"), "200 ok +");
  AnswerReader reader(false);
  std::string body;
  ASSERT_TRUE(reader.Add(std::string(kOk) + "X-Long:  a\r\n\t b \r\nEmpty:\r\n\r\n", body));
  ASSERT_EQ(reader.headers().size(), 2U);
  EXPECT_EQ(reader.headers()[0].name, "x-long");
  EXPECT_EQ(reader.headers()[0].value, "a b");
  EXPECT_EQ(reader.headers()[1].value, "");
}

TEST(AnswerReader, RefusesWhatCanBeUnderstoodInTwoWaysOrNone) {
  const std::string head = kOk;
  for (const std::string& answer :
       {std::string("SSH-2.0-OpenSSH\r\n"),
        std::string("HTTP/2 200 OK\r\n"),
        std::string("HTTP/1.1 20 OK\r\n"),
        std::string("HTTP/1.1 2000 OK\r\n"),
        std::string("HTTP/1.1 -20 OK\r\n"),
        std::string("HTTP/1.1  200\r\n"),
        std::string("\r\n"),
        head + " folded\r\n",
        head + "no colon\r\n",
        head + "a b: c\r\n",
        head + ": c\r\n",
        head + "X : y\r\n",
        head + std::string("X: a\0b\r\n", 8),
        head + "X: a\rb\r\n",
        head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
        head + "Content-Length: 2, 3\r\n\r\n",
        head + "Content-Length: -2\r\n\r\n",
        head + "Content-Length: +2\r\n\r\n",
        head + "Content-Length: \r\n\r\n",
        head + "Content-Length: 99999999999999999999\r\n\r\n",
        head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        head + "Transfer-Encoding: gzip, chunked\r\n\r\n",
        std::string("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        head + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n"}) {
    EXPECT_TRUE(Read(answer).starts_with("what it sent is not an HTTP answer: ")) << answer;
  }
}

TEST(AnswerReader, ALineOrAHeadThatDoesNotEndIsLeft) {
  const std::string line(AnswerReader::kHeadBytesMax + 1, 'x');
  EXPECT_NE(Read(line).find("do not end"), std::string::npos);
  const std::string chunked = std::string(kOk) + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_NE(Read(chunked + "1;" + line).find("do not end"), std::string::npos);
  std::string trailers = chunked + "0\r\n";
  for (int i = 0; i < 2000; ++i) trailers += "X: " + std::string(60, 'x') + "\r\n";
  EXPECT_NE(Read(trailers).find("do not end"), std::string::npos);
  // As much in many chunks is fine: it is each that has a bound.
  std::string chunks = chunked;
  for (int i = 0; i < 100'000; ++i) chunks += "1\r\nx\r\n";
  EXPECT_EQ(Read(chunks + "0\r\n\r\n").size(), 100'000U + 6);
}

}  // namespace
}  // namespace busker::io
