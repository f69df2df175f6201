#include "artifact/at_once.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

namespace busker::artifact {
namespace {

class Together {
 public:
  using Deed = std::function<Result<void>(std::size_t, const io::Interrupt&)>;

  Together(std::size_t count, const io::Interrupt& interrupt, const Deed& deed)
      : count_(count),
        deed_(deed),
        passes_on_(interrupt.stop, [this] { stop_.request_stop(); }),
        interrupt_{interrupt.deadline, stop_.get_token(), interrupt.stop_descriptor} {}

  void Work() {
    while (const auto next = Next()) {
      if (auto done = deed_(*next, interrupt_); !done) Fail(std::move(done).error());
    }
  }

  Result<void> Outcome() {
    if (fault_) return tl::unexpected(*std::move(fault_));
    return {};
  }

 private:
  std::optional<std::size_t> Next() {
    const std::lock_guard lock(mutex_);
    if (fault_ || next_ == count_) return std::nullopt;
    return next_++;
  }

  void Fail(Error error) {
    {
      const std::lock_guard lock(mutex_);
      if (fault_) return;  // what comes after it may be its consequence
      fault_ = std::move(error);
    }
    stop_.request_stop();
  }

  const std::size_t count_;
  const Deed& deed_;
  std::stop_source stop_;
  const std::stop_callback<std::function<void()>> passes_on_;
  const io::Interrupt interrupt_;
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::optional<Error> fault_;
};

}  // namespace

Result<void> DoAtOnce(std::size_t count, std::size_t threads_max, const io::Interrupt& interrupt,
                      const std::function<Result<void>(std::size_t, const io::Interrupt&)>& deed) {
  Together together(count, interrupt, deed);
  {
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < std::min(count, threads_max)) {
        others.emplace_back([&] { together.Work(); });
      }
    } catch (const std::system_error&) {
      // No more threads are to be had: it goes on with those that there are.
    }
    together.Work();
  }
  return together.Outcome();
}

}  // namespace busker::artifact
