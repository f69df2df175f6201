#include "execute/executors.h"

namespace busker::execute {
namespace {

std::string PlaceIn(const std::string& url) { return url.substr(0, url.find('?')); }

}  // namespace

Result<Executor*> Executors::At(const std::string& place) {
  const std::string name = PlaceIn(place);
  if (const auto open = executors_.find(name); open != executors_.end()) return open->second.get();
  TRY_ASSIGN(std::unique_ptr<Executor> executor, open_(name, on_ended_));
  TRY(executor->Sweep(unfinished_));
  return executors_.emplace(name, std::move(executor)).first->second.get();
}

Result<void> Executors::Sweep(std::vector<attempt::Name> unfinished,
                              const std::vector<std::string>& in_use) {
  unfinished_ = std::move(unfinished);
  TRY(At(""));  // whoever cannot start anything here is better told at once
  for (const std::string& place : in_use) (void)At(place);
  return {};
}

std::vector<Debt> Executors::Debts() const {
  std::vector<Debt> all;
  for (const auto& [place, executor] : executors_) {
    for (Debt& debt : executor->Debts()) all.push_back(std::move(debt));
  }
  return all;
}

std::vector<Silence> Executors::Silences() const {
  std::vector<Silence> all;
  for (const auto& [place, executor] : executors_) {
    for (Silence& silence : executor->Silences()) all.push_back(std::move(silence));
  }
  return all;
}

}  // namespace busker::execute
