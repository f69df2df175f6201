// Errors as values: what a function returns when the world says no.
//
// Three kinds of error live in this house. The world said no (a file is missing, a disk is full, a
// file is malformed): return an Error. A bug in Busker: CHECK (base/check.h). A library throws:
// catch it in the adapter that calls the library and return an Error.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace busker {

// What kind of no. Each has an exit code of its own, the same in all programs.
enum class ErrorKind {
  kFailed,     // exit 1: the work was tried and failed
  kInvalid,    // exit 2: wrong usage, an invalid file
  kNotFound,   // exit 3: no such run, version, table, delivery
  kTimedOut,   // exit 4: waited until the limit
  kTemporary,  // exit 75: may work when tried again (disk full, locked by another)
  kUnusable,   // exit 78: stored state is corrupt or from a newer Busker; nothing was changed
};

int ExitCodeOf(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kFailed;
  std::string message;  // one sentence, outermost context first, no trailing full stop
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> Fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}
inline tl::unexpected<Error> Failed(std::string m) {
  return Fail(ErrorKind::kFailed, std::move(m));
}
inline tl::unexpected<Error> Invalid(std::string m) {
  return Fail(ErrorKind::kInvalid, std::move(m));
}
inline tl::unexpected<Error> NotFound(std::string m) {
  return Fail(ErrorKind::kNotFound, std::move(m));
}
inline tl::unexpected<Error> TimedOut(std::string m) {
  return Fail(ErrorKind::kTimedOut, std::move(m));
}
inline tl::unexpected<Error> Temporary(std::string m) {
  return Fail(ErrorKind::kTemporary, std::move(m));
}
inline tl::unexpected<Error> Unusable(std::string m) {
  return Fail(ErrorKind::kUnusable, std::move(m));
}

// "context: message", keeping the kind.
inline tl::unexpected<Error> Wrap(std::string_view context, Error error) {
  return Fail(error.kind, std::string(context) + ": " + error.message);
}

// An Error for `errno` as left by a system call on `what`, e.g. "write /a/b: No space left on
// device". ENOSPC, EDQUOT, EAGAIN and the like are kTemporary, ENOENT is kNotFound, others kFailed.
tl::unexpected<Error> SystemError(std::string_view what, int errno_value);

}  // namespace busker

#define BUSKER_JOIN2(a, b) a##b
#define BUSKER_JOIN(a, b) BUSKER_JOIN2(a, b)

// TRY(expression): returns the error of a Result<...> to the caller, if it is one.
#define TRY(expression)                                     \
  do {                                                      \
    if (auto try_result = (expression); !try_result) {      \
      return tl::unexpected(std::move(try_result).error()); \
    }                                                       \
  } while (false)

// TRY_ASSIGN(auto x, expression): x = the value, or returns the error to the caller.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_(BUSKER_JOIN(try_assign_, __LINE__), declaration, expression)
#define TRY_ASSIGN_(temporary, declaration, expression)                \
  auto temporary = (expression);                                       \
  if (!temporary) return tl::unexpected(std::move(temporary).error()); \
  declaration = std::move(temporary).value()
