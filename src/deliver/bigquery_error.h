// What BigQuery says when it says no, as errors of ours: with what to do about it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http_message.h"

namespace busker::deliver {

// Of an answer that is no success, or of a job that has failed. `reason` is the API's word
// (bigquery/docs/error-messages): "accessDenied", "quotaExceeded".
struct BigQueryRefusal {
  int status = 0;  // of the answer; 0: a job's
  std::string reason;
  std::string message;
};

// kTemporary for a body that says nothing: a proxy's, or half an answer.
BigQueryRefusal RefusalIn(const io::HttpResponse& response);

// "BigQuery: MESSAGE (REASON); REMEDY". A reason that is not known here is kFailed, by its text.
Error ErrorOf(const BigQueryRefusal& refusal);

// May the same be granted a moment later? Then who asked tries again, with pauses.
bool MayPass(const BigQueryRefusal& refusal);

// All reasons that are known here, for the test that has a line for each.
std::vector<std::string_view> KnownReasons();

}  // namespace busker::deliver
