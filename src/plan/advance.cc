#include "plan/advance.h"

namespace busker::plan {

std::string_view NameOf(Tell::Kind kind) {
  switch (kind) {
    case Tell::Kind::kFailed:
      return "failed";
    case Tell::Kind::kRecovered:
      return "recovered";
    case Tell::Kind::kLate:
      return "late";
    case Tell::Kind::kNeverStarted:
      return "never-started";
  }
  return "";
}

}  // namespace busker::plan
