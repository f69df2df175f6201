// Lines for people, printed on a thread of its own: whoever has something to say never waits for a
// terminal that was stopped, or for who reads a pipe.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace busker::cli {

class LinePrinter {
 public:
  // How a line is printed, which may take for ever: it owns what it needs.
  using Print = std::function<void(const std::string& line)>;
  static constexpr std::size_t kLinesMax = 1000;

  explicit LinePrinter(Print print);
  // Waits as Finish does.
  ~LinePrinter();
  LinePrinter(const LinePrinter&) = delete;
  LinePrinter& operator=(const LinePrinter&) = delete;

  // Any thread. When kLinesMax of them wait already, the line is left out, and a later one tells
  // how many were.
  void Add(std::string line);

  // Waits a second at most for what was to be printed. False: somebody does not take it.
  bool Finish();

 private:
  struct State;
  static void Work(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // of the thread, too, which may be left behind
};

}  // namespace busker::cli
