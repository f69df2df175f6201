// For tests: something that hangs for as long as a test likes, as a store does whose disk is away.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "io/file.h"

namespace busker::dispatch {

// A pipe: whoever opens it to read is kept in the kernel until somebody opens it to write.
class Gate {
 public:
  explicit Gate(io::fs::path path) : path_(std::move(path)) {
    EXPECT_EQ(mkfifo(path_.c_str(), 0600), 0);
  }
  ~Gate() { Open(); }

  // Any thread; hangs until Open. A sanitizer that stops all threads at the end of the process
  // interrupts the call; who went on then would touch what is gone.
  void Pass() const {
    for (;;) {
      const io::Descriptor through(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
      if (through.valid()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  void Open() {
    if (!open_.valid()) open_ = io::Descriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  }

 private:
  const io::fs::path path_;
  io::Descriptor open_;
};

}  // namespace busker::dispatch
