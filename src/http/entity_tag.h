// Entity tags: what a client has already is not sent to it again (RFC 9110, 8.8.3 and 13.1.2).
#pragma once

#include <string_view>

#include "http/message.h"

namespace busker::http {

// Gives an answer that is a document or a part of a page its tag, by its bytes, and takes the bytes
// out (304) when the request says that the client has them. Other answers stay as they are: a log
// or a figure is another each time.
void SendOnce(const Request& request, Response& response);

// Whether an If-None-Match header names the tag: a weak one is as good.
bool NamesTag(std::string_view if_none_match, std::string_view tag);

}  // namespace busker::http
