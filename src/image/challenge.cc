#include "image/challenge.h"

#include <algorithm>

#include "base/text.h"

namespace busker::image {

// Bearer realm="https://auth.example/token",service="registry.example",scope="..."
Challenge ChallengeIn(std::string_view header) {
  Challenge challenge;
  const std::size_t blank = header.find(' ');
  challenge.scheme = LowerCase(header.substr(0, blank));
  std::string_view rest = blank == std::string_view::npos ? "" : header.substr(blank + 1);
  while (!rest.empty()) {
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) break;
    const std::string name = LowerCase(Trim(rest.substr(0, equals)));
    rest.remove_prefix(equals + 1);
    const bool quoted = rest.starts_with('"');
    if (quoted) rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find(quoted ? '"' : ','), rest.size());
    const std::string value(rest.substr(0, end));
    rest.remove_prefix(end);
    const std::size_t next = rest.find(',');
    rest = next == std::string_view::npos ? "" : rest.substr(next + 1);
    if (name == "realm") challenge.realm = value;
    if (name == "service") challenge.service = value;
  }
  return challenge;
}

}  // namespace busker::image
