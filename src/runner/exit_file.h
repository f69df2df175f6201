// exit.json, with its space reserved when the attempt begins, so that a full disk can be reported.
#pragma once

#include "base/result.h"
#include "io/file.h"
#include "runner/attempt_file.h"

namespace busker::runner {

class ExitFile {
 public:
  // Takes 64 KiB in the attempt's folder under another name.
  static Result<ExitFile> Reserve(const io::fs::path& attempt_folder);

  // Writes the record there and makes it exit.json, durably. Once.
  Result<void> Write(const ExitRecord& record);

 private:
  ExitFile(io::fs::path folder, io::Descriptor fd)
      : folder_(std::move(folder)), fd_(std::move(fd)) {}
  io::fs::path folder_;
  io::Descriptor fd_;
};

}  // namespace busker::runner
