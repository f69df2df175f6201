// What is told of each service in the list of all, kept: to make it takes the manifests of all its
// versions, and there may be hundreds of services. One of which the record tells that something
// happened is made anew, and so, a few at each look, is what others may have changed (a store that
// several homes share).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "record/record.h"
#include "serve/services.h"
#include "serve/what_changed.h"

namespace busker::serve {

// Any thread; one at a time works, the others wait.
template <typename One>
class KnownServices {
 public:
  using Made = std::shared_ptr<const One>;

  // What `make` makes of each of `services`, or made lately: some seconds ago, or, where there are
  // hundreds, a minute. It is called with the lock held.
  template <typename Make>
  Result<std::vector<Made>> Find(record::Record& record, const std::vector<SharedService>& services,
                                 Instant now, const Make& make) {
    const std::lock_guard lock(mutex_);
    TRY_ASSIGN(const WhatChanged::Since since, changed_.Ask(record));
    if (since.everything || since.deeds) known_.clear();
    for (const plan::GraphKey& graph : since.graphs) known_.erase(graph.service);
    std::vector<Made> all;
    int renewed = 0;
    for (const SharedService& service : services) {
      Known& known = known_[service->name];
      const bool is_old = now < known.at || now - known.at > kFresh;
      if (known.service != service || (is_old && ++renewed <= kRenewedAtOnce)) {
        known = {service, std::make_shared<const One>(make(service)), now};
      }
      all.push_back(known.made);
    }
    return all;
  }

 private:
  static constexpr std::chrono::seconds kFresh{5};
  static constexpr int kRenewedAtOnce = 10;

  struct Known {
    SharedService service;  // as its file was then
    Made made;
    Instant at{};
  };

  std::mutex mutex_;
  WhatChanged changed_;
  std::map<std::string, Known> known_;  // by name
};

}  // namespace busker::serve
