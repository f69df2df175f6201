// The name of an attempt: a pure function of run, task and number, stored before anything is
// started.
#pragma once

#include <compare>
#include <string>

namespace busker::attempt {

struct Name {
  std::string run, task;
  int number = 1;

  std::string Text() const { return run + "/" + task + "." + std::to_string(number); }
  auto operator<=>(const Name&) const = default;
};

// The environment entry that tells a program which attempt it is: "BUSKER_ATTEMPT=RUN/TASK.NUMBER".
std::string EntryOf(const Name& name);

// The environment entry by which the processes of an attempt are known, and those of no other:
// "BUSKER_MARK=INSTANCE/RUN/TASK.NUMBER". `instance`: of the home that started it; empty: an
// earlier version of Busker did, which had but the entry above.
std::string MarkOf(const Name& name, const std::string& instance);

}  // namespace busker::attempt
