// Programs of this machine that a build is done with.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/interrupt.h"

namespace busker::image {

// Told a line about what is being done. One that is made of nothing is silent.
class Say {
 public:
  Say() = default;
  template <std::invocable<const std::string&> Tell>
  explicit Say(Tell tell) : tell_(std::move(tell)) {}

  void operator()(const std::string& line) const {
    if (tell_) tell_(line);
  }
  bool is_silent() const { return !tell_; }

 private:
  std::function<void(const std::string& line)> tell_;
};

// Whether a program is there and ends well within half a minute: Works({"uv", "--version"}, ...).
bool Works(const std::vector<std::string>& words, const std::vector<std::string>& environment);

// Says what it runs and runs it, its output on our standard error; of a silent one that is what
// comes last before a failure alone. kFailed: its exit code is not 0; kTimedOut after 6 hours;
// kTemporary when it is to stop, which the program is told then.
Result<void> Run(std::vector<std::string> words, const std::vector<std::string>& environment,
                 const Say& say, const io::Interrupt& interrupt);

}  // namespace busker::image
