#include "model/retention.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace busker::model {

using artifact::Manifest;

std::set<std::string> WithInputs(std::set<std::string> keys,
                                 const std::vector<Manifest>& versions) {
  std::map<std::string, std::string> inputs;
  for (const Manifest& version : versions) {
    if (version.input) inputs[version.name.Key()] = *version.input;
  }
  std::vector<std::string> left(keys.begin(), keys.end());
  while (!left.empty()) {
    const auto input = inputs.find(left.back());
    left.pop_back();
    if (input != inputs.end() && keys.insert(input->second).second) left.push_back(input->second);
  }
  return keys;
}

std::vector<Manifest> FindUnneeded(const std::vector<Manifest>& versions,
                                   const std::set<std::string>& needed,
                                   const Retention& retention) {
  std::vector<const Manifest*> newest_first;
  for (const Manifest& version : versions) newest_first.push_back(&version);
  std::stable_sort(newest_first.begin(), newest_first.end(), [](const auto* a, const auto* b) {
    return std::tie(a->saved_at, a->name) > std::tie(b->saved_at, b->name);
  });
  std::map<std::pair<std::string, std::string>, std::size_t> of_action;
  std::set<std::string> stay = needed;
  for (const Manifest* version : newest_first) {
    const auto& [service, service_version, action, timestamp] = version->name;
    const bool is_new = ++of_action[{service_version, action}] <= retention.newest;
    if (is_new || version->saved_at >= retention.saved_before) stay.insert(version->name.Key());
  }
  stay = WithInputs(std::move(stay), versions);
  std::vector<Manifest> unneeded;
  for (const Manifest& version : versions) {
    if (!stay.contains(version.name.Key())) unneeded.push_back(version);
  }
  return unneeded;
}

}  // namespace busker::model
