// Bodies that came packed (Content-Encoding: gzip or deflate).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace busker::online {

// The body as it was before it was packed: at most `bytes_max`. `encoding` is "gzip" or "deflate"
// (with or without zlib's frame, which clients disagree about). kInvalid: another encoding, what is
// none, what does not end, and too much.
Result<std::string> Unpack(std::string_view body, std::string_view encoding, std::size_t bytes_max);

}  // namespace busker::online
