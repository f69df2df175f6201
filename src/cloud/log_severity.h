// How bad is what a line of a log tells? Guessed where it is plain, as programs commonly write it.
#pragma once

#include <string_view>

namespace busker::cloud {

// As Cloud Logging has them (rest/v2/LogEntry, LogSeverity).
enum class Severity { kDefault, kDebug, kInfo, kNotice, kWarning, kError, kCritical };
std::string_view NameOf(Severity severity);  // "DEFAULT", "DEBUG", ...

// Of the lines of one log, in order: a traceback of Python goes over many.
class SeverityGuess {
 public:
  // kDefault: it is not plain. Looks at the first 200 bytes of the line at most.
  Severity Of(std::string_view line);

 private:
  bool in_traceback_ = false;
};

}  // namespace busker::cloud
