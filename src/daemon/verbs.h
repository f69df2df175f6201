// What may be asked over the socket of a home: a table of verbs, each with what it reads from a
// request and what it does. Client is its counterpart.
#pragma once

#include <memory>
#include <string>

#include "daemon/messages.h"
#include "daemon/requests.h"

namespace busker::daemon {

// What a request is answered with; `heard`, when it is there, is what the client is told of after
// that, up to the end of the run.
struct Answer {
  std::string message;  // on one line
  std::shared_ptr<Subscription> heard = {};
};

// Does what the message asks for. kInvalid: there is no such verb.
Result<Answer> AnswerTo(const Json& message, const Requests& requests);

}  // namespace busker::daemon
