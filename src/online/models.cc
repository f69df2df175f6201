#include "online/models.h"

#include <fmt/core.h>

namespace busker::online {

predict::LiveModel::State Served::Look() const {
  if (live_) return live_->Look();
  predict::LiveModel::State state;
  state.wanted = state.serving = fixed_->manifest.name.Key();
  state.looked = true;
  return state;
}

std::string Served::WhyNotReady() const {
  const predict::LiveModel::State state = Look();
  if (!state.behind_because.empty()) {
    return fmt::format("no version of {} is ready: {}", name_, state.behind_because);
  }
  if (state.looked && state.wanted.empty()) {
    return fmt::format("no version of {} is live yet; busker promote makes one live", name_);
  }
  return fmt::format("{} is being loaded; try again", name_);
}

Result<void> Models::Serve(const std::vector<predict::LiveModel::Settings>& all) {
  const std::lock_guard lock(changing_);
  const auto before = all_.load();
  auto next = std::make_shared<ByName>();
  Result<void> result;
  for (const predict::LiveModel::Settings& one : all) {
    const auto there = before->find(one.service);
    const bool same = there != before->end() && there->second->live() != nullptr &&
                      there->second->live()->settings().store_url == one.store_url &&
                      there->second->live()->settings().service_version == one.service_version;
    if (same) {
      next->emplace(there->first, there->second);
      continue;
    }
    auto live = predict::LiveModel::Follow(one);
    if (!live) {
      result = tl::unexpected(live.error());
      continue;
    }
    next->emplace(one.service, std::make_shared<const Served>(one.service, *std::move(live)));
  }
  all_.store(std::move(next));
  return result;
}

void Models::Add(std::shared_ptr<const Served> served) {
  const std::lock_guard lock(changing_);
  auto next = std::make_shared<ByName>(*all_.load());
  (*next)[served->name()] = std::move(served);
  all_.store(std::move(next));
}

std::shared_ptr<const Served> Models::Find(std::string_view name) const {
  const auto all = all_.load();
  const auto found = all->find(name);
  return found == all->end() ? nullptr : found->second;
}

bool Models::Ready() const {
  const auto all = all_.load();
  bool any = false;
  for (const auto& [_, served] : *all) {
    if (served->Current() != nullptr) {
      any = true;
      continue;
    }
    const predict::LiveModel::State state = served->Look();
    const bool is_loading =
        !state.looked || (!state.wanted.empty() && state.behind_because.empty());
    if (is_loading) return false;
  }
  return any;
}

}  // namespace busker::online
