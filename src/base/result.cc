#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace busker {

int ExitCodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return 1;
    case ErrorKind::kInvalid:
      return 2;
    case ErrorKind::kNotFound:
      return 3;
    case ErrorKind::kTimedOut:
      return 4;
    case ErrorKind::kTemporary:
      return 75;
    case ErrorKind::kUnusable:
      return 78;
  }
  return 1;
}

tl::unexpected<Error> SystemError(std::string_view what, int errno_value) {
  ErrorKind kind = ErrorKind::kFailed;
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      kind = ErrorKind::kTemporary;
      break;
    case ENOENT:
      kind = ErrorKind::kNotFound;
      break;
    default:
      break;
  }
  return Fail(kind, std::string(what) + ": " + std::generic_category().message(errno_value));
}

}  // namespace busker
