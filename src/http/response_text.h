// An answer as the bytes of HTTP/1.1, with the headers that every answer has.
#pragma once

#include <string>

#include "http/message.h"

namespace busker::http {

enum class Body {
  kSent,
  kLeftOut,  // the answer to a HEAD: its length is told
  kEvents,   // follows as long as the connection lasts
};

// `for_programs`: without what only browsers look at.
std::string ResponseText(const Response& response, Body body, bool keep_alive,
                         bool for_programs = false);

}  // namespace busker::http
