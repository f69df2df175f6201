#include "cli/line_printer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <mutex>
#include <vector>

namespace busker::cli {
namespace {

struct Terminal {
  std::promise<void> let_on;
  std::shared_future<void> gate = let_on.get_future().share();
  std::mutex mutex;
  std::vector<std::string> lines;
};

LinePrinter::Print To(const std::shared_ptr<Terminal>& terminal) {
  return [terminal](const std::string& line) {
    terminal->gate.wait();
    const std::lock_guard lock(terminal->mutex);
    terminal->lines.push_back(line);
  };
}

// A terminal on which somebody had typed control-S kept the engine waiting: nothing was started.
TEST(LinePrinter, MakesNobodyWaitForATerminalThatWasStopped) {
  const auto terminal = std::make_shared<Terminal>();
  const std::size_t all = LinePrinter::kLinesMax + 501;
  {
    LinePrinter printer(To(terminal));
    const auto begun = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < all; ++i) printer.Add(std::to_string(i));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
    terminal->let_on.set_value();
  }
  const std::lock_guard lock(terminal->mutex);
  ASSERT_FALSE(terminal->lines.empty());
  const std::size_t shown = terminal->lines.size() - 1;
  for (std::size_t i = 0; i < shown; ++i) ASSERT_EQ(terminal->lines[i], std::to_string(i));
  EXPECT_EQ(terminal->lines.back(),
            std::to_string(all - shown) + " lines were left out here: nobody took them");
}

TEST(LinePrinter, LeavesATerminalBehindThatStaysStopped) {
  const auto terminal = std::make_shared<Terminal>();
  const auto begun = std::chrono::steady_clock::now();
  { LinePrinter(To(terminal)).Add("it works again"); }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  terminal->let_on.set_value();
}

}  // namespace
}  // namespace busker::cli
