// Fuzzes the masking of secrets in a stream. Input: how many patterns, each as a length and its
// bytes, how the rest is cut, and the rest, which is the stream. The judge looks for every
// occurrence of every pattern on its own; with any other outcome than its own it aborts, and so it
// does when a pattern survives.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "runner/masker_judge.h"
#include "runner/secret_forms.h"

namespace {

using busker::runner::Judge;
using busker::runner::MaskedStream;
using busker::runner::Patterns;

std::uint8_t Take(std::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(input.front());
  input.remove_prefix(1);
  return byte;
}

std::string_view Take(std::string_view& input, std::size_t count) {
  const std::string_view taken = input.substr(0, count);
  input.remove_prefix(taken.size());
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::uint8_t first = Take(input);
  std::vector<std::string> patterns;
  for (int i = first % 8; i > 0; --i) {
    const std::string secret(Take(input, Take(input) % 40));
    if (secret.size() < 2) continue;
    patterns.push_back(secret);
    if ((first & 8) == 0) continue;
    for (std::string& form : busker::runner::FormsOf(secret)) patterns.push_back(std::move(form));
  }
  const std::uint8_t cut = Take(input);
  const std::string_view text = input;

  std::string masked;
  const Patterns made(patterns);
  MaskedStream stream(made);
  const auto use = [&](std::string_view bytes) { masked += bytes; };
  for (std::size_t at = 0, step = cut; at < text.size(); step = step * 7 + 3) {
    const std::size_t count = 1 + step % (1 + cut % 32);
    stream.Add(text.substr(at, count), use);
    at += count;
  }
  stream.End(use);
  if (masked != Judge(patterns, text)) std::abort();
  // A mask can stand for nothing but itself; what has its characters may come of it.
  for (const std::string& pattern : patterns) {
    if (pattern.find('*') == pattern.npos && masked.find(pattern) != masked.npos) std::abort();
  }
  return 0;
}
