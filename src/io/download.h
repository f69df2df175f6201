// A file from an HTTP server, whole or not at all.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/digest.h"
#include "io/http_session.h"

namespace busker::io {

// Fetches what `request` asks for (its sink is not looked at) into the file `to`, in place of what
// was there, durably; the folder exists. Returns the digest of what was written. On an error `to`
// is as it was: kNotFound for a 404 or 410, kTemporary for 408, 429 and 5xx, kFailed for any other
// answer without success, for bytes whose SHA-256 is not `sha256` (empty: any will do), and for
// more than `bytes_max`, of which no more is read. Else as HttpSession::Send.
Result<FileDigest> Download(HttpSession& http, HttpRequest request, const fs::path& to,
                            const std::string& sha256, const Interrupt& interrupt,
                            std::uint64_t bytes_max = UINT64_MAX);

}  // namespace busker::io
