// What is sent to Cloud Storage: bytes that are known by their digest before they are sent, and can
// be read again from any place on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "io/digest.h"
#include "io/http_message.h"
#include "io/interrupt.h"

namespace busker::artifact {

struct GcsContent {
  // Some bytes from `at` on; 0: there are none.
  std::function<Result<std::size_t>(std::uint64_t at, char* to, std::size_t count)> read;
  io::FileDigest digest;
  std::string type;  // of media: "text/plain"
};

GcsContent ContentOf(const std::string& text);  // a copy
Result<GcsContent> ContentOf(const io::fs::path& file, const io::Interrupt& interrupt);

// `before`, the bytes [from, from + count), and `behind`, as one body. May be sent again from its
// start only when `may_repeat`.
io::HttpSource SourceOf(const GcsContent& content, std::uint64_t from, std::uint64_t count,
                        const std::string& before, const std::string& behind, bool may_repeat);

}  // namespace busker::artifact
