#include "plan/policy.h"

#include <array>
#include <utility>

namespace busker::plan {
namespace {

template <typename Policy, std::size_t N>
using Names = std::array<std::pair<Policy, std::string_view>, N>;

constexpr Names<CatchUp, 3> kCatchUps = {
    {{CatchUp::kNone, "none"}, {CatchUp::kLatest, "latest"}, {CatchUp::kAll, "all"}}};
constexpr Names<Overlap, 4> kOverlaps = {{{Overlap::kQueue, "queue"},
                                          {Overlap::kSkip, "skip"},
                                          {Overlap::kReplace, "replace"},
                                          {Overlap::kAllow, "allow"}}};
constexpr Names<TriggerRule, 4> kTriggerRules = {{{TriggerRule::kAllSuccess, "all_success"},
                                                  {TriggerRule::kAllDone, "all_done"},
                                                  {TriggerRule::kOneFailed, "one_failed"},
                                                  {TriggerRule::kNoneFailed, "none_failed"}}};

template <typename Policy, std::size_t N>
std::string_view Find(const Names<Policy, N>& names, Policy policy) {
  for (const auto& [known, name] : names) {
    if (known == policy) return name;
  }
  return "unknown";
}

template <typename Policy, std::size_t N>
std::optional<Policy> Parse(const Names<Policy, N>& names, std::string_view name) {
  for (const auto& [policy, known] : names) {
    if (known == name) return policy;
  }
  return std::nullopt;
}

template <typename Policy, std::size_t N>
std::vector<std::string> All(const Names<Policy, N>& names) {
  std::vector<std::string> all;
  for (const auto& [policy, name] : names) all.emplace_back(name);
  return all;
}

}  // namespace

std::string_view NameOf(CatchUp policy) { return Find(kCatchUps, policy); }
std::string_view NameOf(Overlap policy) { return Find(kOverlaps, policy); }
std::string_view NameOf(TriggerRule rule) { return Find(kTriggerRules, rule); }

std::optional<CatchUp> ParseCatchUp(std::string_view name) { return Parse(kCatchUps, name); }
std::optional<Overlap> ParseOverlap(std::string_view name) { return Parse(kOverlaps, name); }
std::optional<TriggerRule> ParseTriggerRule(std::string_view name) {
  return Parse(kTriggerRules, name);
}

std::vector<std::string> CatchUpNames() { return All(kCatchUps); }
std::vector<std::string> OverlapNames() { return All(kOverlaps); }
std::vector<std::string> TriggerRuleNames() { return All(kTriggerRules); }

}  // namespace busker::plan
