// What a prediction server has answered, in numbers, and its page for Prometheus.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace busker::online {

// Of one model. Any thread adds, any reads.
struct Figures {
  // In seconds; what is longer than the last is counted behind it.
  static constexpr std::array<double, 10> kBounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001,
                                                     0.0025,  0.005,  0.01,    0.05,   0.25};

  std::atomic<std::uint64_t> answered = 0;   // with predictions
  std::atomic<std::uint64_t> instances = 0;  // in them
  std::atomic<std::uint64_t> refused = 0;    // what was asked was wrong: 4xx
  std::atomic<std::uint64_t> failed = 0;     // 5xx, but for:
  std::atomic<std::uint64_t> not_ready = 0;  // no version was ready
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets{};
  std::atomic<std::uint64_t> sum_ns = 0;

  void Add(int status, std::size_t rows, std::chrono::nanoseconds took);
};

class Models;

// In the text format of Prometheus, version 0.0.4: all models, by their services.
std::string FiguresPage(const Models& models);

}  // namespace busker::online
