// The name of an attempt: a pure function of run, task and number, stored before anything is
// started.
#pragma once

#include <compare>
#include <string>

namespace busker::execute {

struct AttemptName {
  std::string run, task;
  int number = 1;

  std::string Text() const { return run + "/" + task + "." + std::to_string(number); }
  auto operator<=>(const AttemptName&) const = default;
};

}  // namespace busker::execute
