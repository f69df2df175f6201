// Requests out of the bytes of a connection, without the connection: what listener.cc hands in, and
// what tests and the fuzzer do.
//
// Refused is what two readers could understand in two ways, beside what RFC 9112 calls malformed:
// line ends of one character, lines that go on in the next, a length that is told twice or in two
// ways, any transfer coding but "chunked" alone, a target that is no path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace busker::http {

constexpr std::size_t kHeaderBytesMax = 16 << 10;
constexpr std::size_t kFieldsMax = 100;

class RequestReader {
 public:
  enum class Stage {
    kNothing,  // no byte of the next request has come
    kHead,     // more of it is to come
    kBody,     // so is more of its body
    kRequest,  // it is there: Take() it
    kRefused,  // with fault(); the connection is good for nothing more
  };

  // A body, also of one that comes in chunks, may have so many bytes.
  explicit RequestReader(std::uint64_t body_bytes_max = 1 << 20);
  ~RequestReader();

  // The bytes that came; what is behind a whole request is kept for the next one.
  Stage Add(std::string_view bytes);
  Stage stage() const;

  // At kRequest: the request, of which the peer is for the caller to say. The next stage is that of
  // what came behind it.
  Request Take();

  // Whether who sends waits to be told to send the body (RFC 9110, 10.1.1). Once: it is told then.
  bool TakeWaitsToSend();

  // By who hands in the bytes: for what there is no room. What came is let go of.
  void Refuse(int status);

  int fault() const;        // a status
  bool keep_alive() const;  // of the request that was taken last

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace busker::http
