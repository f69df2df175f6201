// How fast a program's output passes while its secrets are looked for, as busker-runner takes it
// in: in blocks of 64 KiB, in
// megabytes per second of processor time. Without secrets the bytes are handed on as they are.
#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "runner/masker.h"
#include "runner/secret_forms.h"

namespace {

using namespace busker::runner;

// Of this thread, in seconds: what a busy machine hardly changes.
double CpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

constexpr std::size_t kBytes = 256u << 20;
constexpr std::size_t kBlock = 64u << 10;

std::string RandomText(std::size_t size, std::string_view letters, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, ' ');
  for (char& c : text) c = letters[random() % letters.size()];
  return text;
}

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string Lines(const std::string& line, std::size_t size) {
  std::string text;
  while (text.size() < size) text += line;
  text.resize(size);
  return text;
}

void Measure(const std::string& what, const Patterns& patterns, const std::string& block) {
  std::uint64_t passed = 0;
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    MaskedStream stream(patterns);
    const auto use = [&](std::string_view bytes) { passed += bytes.size(); };
    const double begun = CpuTime();
    for (std::size_t at = 0; at < kBytes; at += block.size()) stream.Add(block, use);
    stream.End(use);
    best = std::max(best, static_cast<double>(kBytes) / 1e6 / (CpuTime() - begun));
  }
  fmt::print("{:<44} {:>8.0f} MB/s\n", what, best);
}

void MeasureAll(std::size_t count, std::size_t bytes) {
  std::vector<std::string> forms;
  for (std::size_t i = 0; i < count; ++i) {
    const auto secret = RandomText(bytes, kLetters, static_cast<unsigned>(i));
    for (auto& form : FormsOf(secret)) forms.push_back(std::move(form));
  }
  const double begun = CpuTime();
  const Patterns patterns(forms);
  const double took = CpuTime() - begun;
  fmt::print("\n{} secret{} of {} bytes: {} patterns, ready in {:.1f} ms\n", count,
             count == 1 ? "" : "s", bytes, forms.size(), took * 1e3);
  const std::string secret = RandomText(bytes, kLetters, 0);
  Measure("  lines of a training", patterns,
          Lines("epoch 17: loss 0.4213, auc 0.8121 (4,213 rows/s)\n", kBlock));
  Measure("  random letters", patterns, RandomText(kBlock, kLetters, 99));
  Measure("  a secret in each line", patterns, Lines("the password is " + secret + "\n", kBlock));
  Measure("  nothing but beginnings of a secret", patterns,
          Lines(secret.substr(0, secret.size() - 1), kBlock));
}

}  // namespace

int main() {
  MeasureAll(1, 32);
  MeasureAll(20, 32);
  MeasureAll(1, 64 << 10);
}
