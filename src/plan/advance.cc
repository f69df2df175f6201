#include "plan/advance.h"

namespace busker::plan {

std::string_view NameOf(NotifyPeople::Kind kind) {
  switch (kind) {
    case NotifyPeople::Kind::kFailed:
      return "failed";
    case NotifyPeople::Kind::kRecovered:
      return "recovered";
    case NotifyPeople::Kind::kLate:
      return "late";
    case NotifyPeople::Kind::kNeverStarted:
      return "never-started";
    case NotifyPeople::Kind::kLeftBehind:
      return "left-behind";
    case NotifyPeople::Kind::kBehind:
      return "behind";
    case NotifyPeople::Kind::kApproval:
      return "approval";
  }
  return "";
}

}  // namespace busker::plan
