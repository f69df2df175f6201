// What Compute Engine says when it says no, and what follows from that: where to ask next, and what
// a person can do. The table is in compute_errors.cc.
#pragma once

#include <string>

#include "base/result.h"
#include "io/http_message.h"

namespace busker::execute {

// Of an answer, or of an operation that has ended: there most of it is told, after an answer that
// was 200.
struct ComputeFault {
  std::string code;     // "QUOTA_EXCEEDED", "forbidden"; may be empty
  std::string message;  // Google's words
  int status = 0;       // of the answer; 0: it was an operation
};

enum class Trouble {
  kNoRoom,     // in this zone
  kNoQuota,    // in this region
  kPassing,    // too much at once, or theirs: the same may be asked again
  kForbidden,  // to whoever the credentials are of
  kNotThere,   // something that the request names
  kTaken,      // the name
  kWithdrawn,  // somebody deleted what was being made
  kUnknown,    // anything else: told as it is, and not asked again
};

Trouble TroubleOf(const ComputeFault& fault);

// "QUOTA_EXCEEDED: Quota 'CPUS' exceeded...; ask for ... or name a zone of another region": a
// sentence without its full stop.
std::string SentenceOf(const ComputeFault& fault);

// Of an answer that is no success.
ComputeFault FaultOf(const io::HttpResponse& response);

// kTemporary where it is passing, else kFailed.
Error ErrorOf(const ComputeFault& fault, const std::string& what);

}  // namespace busker::execute
