// How many there are of something, in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace busker {

// "1 row", "2,357 rows": for nouns that take an s, and of several words when the last one does.
// `plural` is for those that do not: (2, "delivery", "deliveries").
std::string Plural(std::uint64_t count, std::string_view noun, std::string_view plural = {});

}  // namespace busker
