#include "plan/graph_key.h"

#include <algorithm>

namespace busker::plan {

GraphKey GraphKey::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos) return {"", std::string(text)};
  return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

std::string GraphKey::Text() const { return service.empty() ? name : service + "/" + name; }

std::strong_ordering GraphKey::operator<=>(const GraphKey& other) const {
  if (service == other.service) return name <=> other.name;
  const std::size_t common = std::min(service.size(), other.service.size());
  const int order = service.compare(0, common, other.service, 0, common);
  if (order != 0) return order <=> 0;
  return Text() <=> other.Text();  // the one service begins as the other: what follows it decides
}

std::vector<std::string> TextsOf(const std::vector<GraphKey>& keys) {
  std::vector<std::string> texts;
  for (const GraphKey& key : keys) texts.push_back(key.Text());
  return texts;
}

}  // namespace busker::plan
