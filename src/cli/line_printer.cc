#include "cli/line_printer.h"

#include <fmt/core.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace busker::cli {
namespace {

constexpr std::chrono::seconds kPatience(1);

}  // namespace

struct LinePrinter::State {
  explicit State(Print how) : print(std::move(how)) {}

  const Print print;
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::deque<std::string> waiting;
  std::size_t left_out = 0;
  bool has_thread = false, printing = false, closed = false;
};

LinePrinter::LinePrinter(Print print) : state_(std::make_shared<State>(std::move(print))) {}

LinePrinter::~LinePrinter() {
  Finish();
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->changed.notify_all();
}

bool LinePrinter::Finish() {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, kPatience,
                                  [&] { return state_->waiting.empty() && !state_->printing; });
}

void LinePrinter::Add(std::string line) {
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.size() == kLinesMax) {
    ++state_->left_out;
    return;
  }
  if (!state_->has_thread) {
    try {
      std::thread([state = state_] { Work(state); }).detach();
    } catch (const std::system_error&) {
      ++state_->left_out;  // what is said when there are no threads left, others say as well
      return;
    }
    state_->has_thread = true;
  }
  state_->waiting.push_back(std::move(line));
  state_->changed.notify_all();
}

void LinePrinter::Work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->changed.wait(lock, [&] { return !state->waiting.empty() || state->closed; });
    if (state->closed) return;
    std::string line = std::move(state->waiting.front());
    state->waiting.pop_front();
    // Behind all that was there when they were left out.
    if (state->waiting.empty() && state->left_out > 0) {
      state->waiting.push_back(fmt::format("{} lines were left out here: nobody took them",
                                           std::exchange(state->left_out, 0)));
    }
    state->printing = true;
    lock.unlock();
    state->print(line);
    lock.lock();
    state->printing = false;
    state->changed.notify_all();
  }
}

}  // namespace busker::cli
