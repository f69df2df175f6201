// exit.json, with its space reserved when the attempt begins, so that a full disk can be reported.
#pragma once

#include "attempt/exit_record.h"
#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

// What goes into it: the record as JSON, with a message of bounded length.
std::string ExitText(const attempt::ExitRecord& record);

class ExitFile {
 public:
  ExitFile(io::fs::path attempt_folder, bool synced)
      : folder_(std::move(attempt_folder)), synced_(synced) {}

  // Takes 64 KiB in the attempt's folder under another name; 4 KiB when not synced.
  Result<void> Reserve();

  // Writes the record's text there, or anew when nothing was reserved, and makes it exit.json; with
  // `synced`, durably. Once.
  Result<void> Write(const std::string& text);

 private:
  Result<void> WriteAnew(const std::string& text);
  io::fs::path folder_;
  io::Descriptor fd_;
  bool synced_;
};

}  // namespace busker::runner
