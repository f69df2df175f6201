// Answers that say no, as RFC 9457 has them: {"type", "title", "status", "detail"}.
#pragma once

#include <string>

#include "base/result.h"
#include "serve/message.h"

namespace busker::serve {

// `detail`: one sentence for a person, with what to do.
Response Problem(int status, const std::string& detail);

// What the world said, with the status of its kind: 400 invalid, 404 not found, 409 failed, 503
// temporary, 504 timed out, 500 unusable. Of the last, who asks is not told what is wrong with
// which file; busker status and busker fsck tell it where Busker runs.
Response Problem(const Error& error);

std::string_view TitleOf(int status);  // "Not Found"

}  // namespace busker::serve
