#include "online/unpack.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "base/text.h"

namespace busker::online {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
constexpr int kGzip = 15 + 16, kZlib = 15, kRaw = -15;  // as inflateInit2 has them

// Whether it begins as RFC 1950 says.
bool HasZlibFrame(std::string_view body) {
  if (body.size() < 2) return false;
  const auto first = static_cast<unsigned char>(body[0]);
  const auto second = static_cast<unsigned char>(body[1]);
  return (first & 0x0F) == 8 && (first * 256 + second) % 31 == 0;
}

struct End {
  void operator()(z_stream* stream) const {
    inflateEnd(stream);
    delete stream;
  }
};

}  // namespace

Result<std::string> Unpack(std::string_view body, std::string_view encoding,
                           std::size_t bytes_max) {
  const std::string name = LowerCase(encoding);
  if (name != "gzip" && name != "x-gzip" && name != "deflate") {
    return Invalid(fmt::format("Content-Encoding \"{}\" is not read here; gzip and deflate are",
                               Printable(encoding.substr(0, 40))));
  }
  std::unique_ptr<z_stream, End> stream(new z_stream{});
  const int kind = name != "deflate" ? kGzip : HasZlibFrame(body) ? kZlib : kRaw;
  if (inflateInit2(stream.get(), kind) != Z_OK) return Temporary("there is no memory to unpack");
  stream->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream->avail_in = static_cast<uInt>(body.size());
  std::string unpacked;
  int done = Z_OK;
  while (done == Z_OK) {
    const std::size_t before = unpacked.size();
    const std::size_t room = std::min(std::max(kPieceBytes, before), bytes_max + 1 - before);
    unpacked.resize(before + room);
    stream->next_out = reinterpret_cast<Bytef*>(unpacked.data() + before);
    stream->avail_out = static_cast<uInt>(room);
    done = inflate(stream.get(), Z_NO_FLUSH);
    unpacked.resize(before + room - stream->avail_out);
    if (unpacked.size() > bytes_max) {
      return Invalid(
          fmt::format("the body has more than {} bytes when it is unpacked (body_max)", bytes_max));
    }
    if (done == Z_OK && stream->avail_in == 0 && stream->avail_out > 0) break;
  }
  if (done != Z_STREAM_END) {
    return Invalid(fmt::format("the body is not a whole {}, though it says that it is one", name));
  }
  return unpacked;
}

}  // namespace busker::online
