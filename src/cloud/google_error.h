// What Google's APIs say when they say no, as errors of ours.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/http_message.h"

namespace busker::cloud {

// Of an answer that is no success: "storage.googleapis.com answered 403: MESSAGE", with the message
// of the JSON body when it has one. 404 is kNotFound; 408, 429 and 5xx are kTemporary; all else is
// kFailed: also 401 and 403, as a file that may not be read is, with what to do about it.
Error GoogleError(const io::HttpResponse& response, const std::string& place);

// What to do about what keeps a project from any of its services: an API or billing that is not
// there, a policy of the organisation, a quota project, a scope, a bucket that lets nothing be
// replaced. `said`: a body, or reason and message. Empty: it is none of these.
std::string_view RemedyIn(std::string_view said);

// The message of the JSON body alone; empty: it has none.
std::string GoogleMessage(const std::string& body);

}  // namespace busker::cloud
