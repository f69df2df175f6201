// Answers that say no, as RFC 9457 has them: {"type", "title", "status", "detail"}.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace busker::http {

// 400 invalid, 404 not found, 503 temporary, 504 timed out, 500 failed or unusable.
int StatusOf(ErrorKind kind);

// `detail`: one sentence for a person, with what to do.
Response Problem(int status, const std::string& detail);

// What the world said, with the status of its kind. Who asks is not told where files are, nor, of
// a fault of 500, what is wrong with which; that is for the log, under the id that "instance" has
// (untold).
Response Problem(const Error& error);

// What a library threw: who asks is told that it is a fault of Busker's, and the id.
Response ProblemOfOurs(const std::string& what);

// The text with the names of files alone where it has their absolute paths, and its first line
// only. A path may have blanks in it: it ends at a quote that it began with, at ": ", ", " or "; ",
// else behind the last word that has a "/" as part of it.
std::string WithoutPaths(std::string_view text);

// "; did you mean "state"?", or nothing when none of the names is near.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& names);

std::string_view TitleOf(int status);  // "Not Found"

}  // namespace busker::http
