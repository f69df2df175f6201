// The data dates of all actions and graph files that are open: failed and not succeeded since, or
// never run between two that succeeded. What is known is kept, and looked up again only of those of
// which the record tells that something happened: they may be ten thousand.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "catalogue/catalogue.h"
#include "record/record.h"
#include "serve/dates.h"
#include "serve/what_changed.h"

namespace busker::serve {

// Any thread; one at a time works, the others wait.
class OpenDates {
 public:
  struct OfGraph {
    plan::GraphKey graph;
    std::size_t count = 0;
    std::vector<DataDate> dates;  // the latest of them, at most kShownMax
  };
  struct Found {
    std::vector<OfGraph> graphs;  // that have some, by name
    bool more = false;            // not all graphs were looked at yet: the next call goes on
  };
  static constexpr std::size_t kShownMax = 40, kLookedAtOnce = 250;
  static constexpr std::uint64_t kRunsOfEach = 120;

  // By the newest kRunsOfEach runs of each; of graphs that nothing is known of yet, kLookedAtOnce
  // are looked at. `sees`: which graphs are asked for.
  template <typename Sees>
  Result<Found> Find(record::Record& record, const catalogue::Catalogue& catalogue,
                     const Sees& sees) {
    const std::lock_guard lock(mutex_);
    TRY(ForgetWhatChanged(record));
    Found found;
    std::size_t looked = 0;
    for (const auto& [key, definition] : catalogue.definitions) {
      if (!sees(key)) continue;
      const Known* known = Recall(key, definition);
      if (known == nullptr && ++looked <= kLookedAtOnce) {
        TRY_ASSIGN(known, Look(record, key, definition));
      }
      if (known == nullptr) {
        found.more = true;
      } else if (known->count > 0) {
        found.graphs.push_back({key, known->count, known->dates});
      }
    }
    return found;
  }

 private:
  using Definition = std::shared_ptr<const catalogue::Definition>;
  struct Known {
    Definition definition;
    std::size_t count = 0;
    std::vector<DataDate> dates;
  };

  Result<void> ForgetWhatChanged(record::Record& record);
  const Known* Recall(const plan::GraphKey& key, const Definition& definition) const;
  Result<const Known*> Look(record::Record& record, const plan::GraphKey& key,
                            const Definition& definition);

  std::mutex mutex_;
  std::map<plan::GraphKey, Known> known_;
  WhatChanged changed_;
};

}  // namespace busker::serve
