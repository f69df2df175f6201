// Random values as programs write them, for the tests of what becomes of them.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>

namespace busker::deliver {

inline std::string Print(const char* format, auto... values) {
  std::string text(400, '\0');
  const int size = std::snprintf(text.data(), text.size(), format, values...);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

using Random = std::mt19937_64;
using Maker = std::function<std::string(Random&)>;

inline std::string Digits(Random& random, std::size_t count) {
  std::string digits;
  while (digits.size() < count) digits += static_cast<char>('0' + random() % 10);
  return digits;
}

inline double Share(Random& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

inline std::string Day(Random& random) {
  return Print("%04d-%02d-%02d", 1900 + static_cast<int>(random() % 200),
               1 + static_cast<int>(random() % 12), 1 + static_cast<int>(random() % 28));
}

inline std::string Clock(Random& random) {
  return Print("%02d:%02d:%02d", static_cast<int>(random() % 24), static_cast<int>(random() % 60),
               static_cast<int>(random() % 60));
}

inline std::string Shortest(double number) {  // as Python writes it
  for (int digits = 1; digits < 17; ++digits) {
    const std::string text = Print("%.*g", digits, number);
    if (std::strtod(text.c_str(), nullptr) == number) return text;
  }
  return Print("%.17g", number);
}

}  // namespace busker::deliver
