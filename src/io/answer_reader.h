// The answers of an HTTP/1.1 server out of the bytes of a connection, without the connection: what
// http_session.cc hands in, and what tests and the fuzzer do.
//
// Taken is what servers send: line ends of LF alone, header lines that go on in the next, a length
// that is told twice and is the same. Refused is what two readers could understand in two ways,
// beside what RFC 9112 calls malformed: two different lengths, a length beside a transfer coding,
// any coding but "chunked" alone. Interim answers (1xx) are passed over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http_message.h"

namespace busker::io {

class AnswerReader {
 public:
  static constexpr std::size_t kHeadBytesMax = 64 << 10;  // of each head, and of what ends chunks
  static constexpr int kInterimMax = 64;

  // `body_is_left_out`: the answer is to HEAD, whatever its headers say, or to CONNECT.
  explicit AnswerReader(bool body_is_left_out) : body_is_left_out_(body_is_left_out) {}

  // Takes the bytes that came; appends to `body` those that are of the body. kTemporary for what is
  // no answer; nothing can be read from the connection any more then.
  Result<void> Add(std::string_view bytes, std::string& body);

  // The other side has ended: fine when that is what ends the body, else kTemporary.
  Result<void> End();

  bool has_begun() const { return has_begun_; }  // some byte came
  bool has_head() const { return stage_ != Stage::kHead; }
  bool is_done() const { return stage_ == Stage::kDone; }

  // May the connection be used for the next exchange, once this is done? Not when the server will
  // close it, and not when more came than the answer.
  bool may_go_on() const { return keep_alive_ && !excess_; }

  int status() const { return status_; }  // once there is a head, as all below
  std::vector<HttpHeader>& headers() { return headers_; }

 private:
  enum class Stage { kHead, kLength, kUntilEnd, kChunkSize, kChunk, kChunkEnd, kTrailer, kDone };

  Result<bool> TakeLine(std::string_view& bytes);
  Result<void> TakeHeadLine();
  Result<void> TakeStatusLine();
  Result<void> TakeHeader();
  Result<void> EndHead();
  Result<void> DecideLength();
  Result<void> TakeChunkSize();
  void TakeBody(std::string_view& bytes, std::string& body);

  const bool body_is_left_out_;
  Stage stage_ = Stage::kHead;
  bool has_begun_ = false;
  bool excess_ = false;
  bool keep_alive_ = true;
  bool is_1_1_ = true;
  int interim_ = 0;
  int status_ = 0;  // 0: the status line is still to come
  std::vector<HttpHeader> headers_;
  std::string line_;              // what has come of it
  std::size_t line_bytes_ = 0;    // of this head, or of the lines around chunks
  std::uint64_t left_bytes_ = 0;  // of the body or the chunk
};

}  // namespace busker::io
