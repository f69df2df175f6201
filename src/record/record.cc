#include "record/record.h"

namespace busker::record {

Error NoRun(const std::string& id) {
  return {ErrorKind::kNotFound, "there is no run " + id + "; busker runs lists them"};
}

}  // namespace busker::record
