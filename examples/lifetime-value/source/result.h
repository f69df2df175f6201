#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

// A value, or one sentence that says why there is none.
template <class T>
using Result = tl::expected<T, std::string>;

inline tl::unexpected<std::string> Error(std::string sentence) {
  return tl::unexpected<std::string>(std::move(sentence));
}
