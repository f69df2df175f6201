#include "record/record.h"

#include <fmt/core.h>

namespace busker::record {
namespace {

constexpr char kLeadLost[] =
    "this busker does not lead the record any more, so nothing was changed";

}  // namespace

Error NoRun(const std::string& id) {
  return {ErrorKind::kNotFound, "no run " + id + "; busker runs lists them"};
}

Error LeadLost(Epoch epoch, Epoch current) {
  return {ErrorKind::kUnusable, fmt::format("{} (its epoch was {}, that of the record is {})",
                                            kLeadLost, epoch, current)};
}

bool IsLeadLost(const Error& error) { return error.message.find(kLeadLost) != std::string::npos; }

}  // namespace busker::record
