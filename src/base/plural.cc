#include "base/plural.h"

#include "base/text.h"

namespace busker {

std::string Plural(std::uint64_t count, std::string_view noun, std::string_view plural) {
  std::string text = WithThousands(static_cast<long long>(count)) + " ";
  if (count == 1) return text += noun;
  return plural.empty() ? (text += noun) += "s" : text += plural;
}

}  // namespace busker
