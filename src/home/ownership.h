// One process at a time owns a home: it alone conducts runs there. The others ask it.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "home/home.h"
#include "io/file.h"

namespace busker::home {

// What the owner of the home wrote about itself: "process 4711 runs training"; empty: nobody owns
// it.
std::string OwnerOf(const Home& home);

class Ownership {
 public:
  // Takes the home; waits up to `limit` while another process owns it, kTemporary after. `doing`
  // ("runs training") is what others are told.
  static Result<Ownership> Take(const Home& home, const std::string& doing,
                                std::chrono::milliseconds limit);

  // Tells others something else from now on.
  Result<void> Say(const std::string& doing) const;

 private:
  Ownership(io::FileLock lock, io::fs::path file)
      : lock_(std::move(lock)), file_(std::move(file)) {}
  io::FileLock lock_;
  io::fs::path file_;
};

}  // namespace busker::home
