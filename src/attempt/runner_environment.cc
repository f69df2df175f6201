#include "attempt/runner_environment.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "artifact/store.h"

namespace busker::attempt {
namespace {

// io/proxy.h
constexpr std::array<std::string_view, 7> kProxies = {
    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

bool IsLookedAt(std::string_view name) {
  const auto stores = artifact::StoreVariables();
  return std::find(stores.begin(), stores.end(), name) != stores.end() ||
         std::find(kProxies.begin(), kProxies.end(), name) != kProxies.end();
}

}  // namespace

std::vector<std::string> RunnerEnvironment(const std::vector<std::string>& own) {
  std::vector<std::string> kept;
  for (const std::string& entry : own) {
    if (IsLookedAt(std::string_view(entry).substr(0, entry.find('=')))) kept.push_back(entry);
  }
  return kept;
}

}  // namespace busker::attempt
