// The models that a prediction server answers for, by their services' names.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "online/figures.h"
#include "predict/live_model.h"

namespace busker::online {

class Served {
 public:
  Served(std::string name, std::unique_ptr<predict::LiveModel> live)
      : name_(std::move(name)), live_(std::move(live)) {}
  // One version that does not change.
  Served(std::string name, std::shared_ptr<const predict::LoadedVersion> version)
      : name_(std::move(name)), fixed_(std::move(version)) {}

  const std::string& name() const { return name_; }
  std::shared_ptr<const predict::LoadedVersion> Current() const {
    return live_ ? live_->Current() : fixed_;
  }
  predict::LiveModel::State Look() const;
  // Why nothing is ready: a sentence.
  std::string WhyNotReady() const;

  const predict::LiveModel* live() const { return live_.get(); }
  mutable Figures figures;

 private:
  const std::string name_;
  const std::unique_ptr<predict::LiveModel> live_;
  const std::shared_ptr<const predict::LoadedVersion> fixed_;
};

// Any thread.
class Models {
 public:
  using ByName = std::map<std::string, std::shared_ptr<const Served>, std::less<>>;

  // Follows these, and no others any more. What is followed already goes on; a version that a
  // request has is there for as long. What cannot be followed is left out; its error is returned.
  Result<void> Serve(const std::vector<predict::LiveModel::Settings>& all);
  void Add(std::shared_ptr<const Served> served);

  std::shared_ptr<const ByName> All() const { return all_.load(); }
  std::shared_ptr<const Served> Find(std::string_view name) const;  // nullptr: none

  // One has a version that is ready, and of no other one is being loaded for the first time. What
  // cannot be asked at all is told elsewhere: it keeps nobody from asking the rest.
  bool Ready() const;

 private:
  std::mutex changing_;
  std::atomic<std::shared_ptr<const ByName>> all_ = std::make_shared<const ByName>();
};

}  // namespace busker::online
