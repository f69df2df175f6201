// exit.json, with its space reserved when the attempt begins, so that a full disk can be reported.
#pragma once

#include "base/result.h"
#include "io/file.h"
#include "runner/attempt_file.h"

namespace busker::runner {

// What goes into it: the record as JSON, with a message of bounded length.
std::string ExitText(const ExitRecord& record);

class ExitFile {
 public:
  // Takes 64 KiB in the attempt's folder under another name; 4 KiB when not synced.
  static Result<ExitFile> Reserve(const io::fs::path& attempt_folder, bool synced);

  // Writes the record's text there and makes it exit.json; with `synced`, durably. Once.
  Result<void> Write(const std::string& text);

 private:
  ExitFile(io::fs::path folder, io::Descriptor fd, bool synced)
      : folder_(std::move(folder)), fd_(std::move(fd)), synced_(synced) {}
  Result<void> WriteAnew(const std::string& text);
  io::fs::path folder_;
  io::Descriptor fd_;
  bool synced_;
};

}  // namespace busker::runner
