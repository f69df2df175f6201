// Answers that say no, as RFC 9457 has them: {"type", "title", "status", "detail"}.
#pragma once

#include <string>

#include "base/result.h"
#include "serve/message.h"

namespace busker::serve {

// `detail`: one sentence for a person, with what to do.
Response Problem(int status, const std::string& detail);

// What the world said, with the status of its kind: 400 invalid, 404 not found, 409 failed, 503
// temporary, 504 timed out, 500 unusable. The detail of the last, which may name files, stays in
// the log that `busker up` writes: who asks gets a sentence without it.
Response Problem(const Error& error);

std::string_view TitleOf(int status);  // "Not Found"

}  // namespace busker::serve
