// The data dates of all actions and graph files that are open: failed and not succeeded since, or
// never run between two that succeeded. What is known is kept, and looked up again only of those of
// which the record tells that something happened: they may be ten thousand.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catalogue/catalogue.h"
#include "record/record.h"
#include "serve/dates.h"
#include "serve/what_changed.h"

namespace busker::serve {

// Any thread; one at a time works, the others wait.
class OpenDates {
 public:
  struct Open {
    std::size_t failed = 0, missing = 0;
    std::vector<DataDate> dates;  // the latest of them, at most kShownMax
  };
  struct Found {
    std::vector<std::pair<plan::GraphKey, Open>> graphs;  // that have some, by name: a page
    std::size_t all = 0;  // that have some, of those that were looked at
    bool has_next_page = false;
    bool more = false;  // not all graphs were looked at yet: the next call goes on
  };
  static constexpr std::size_t kShownMax = 20, kLookedAtOnce = 250;
  static constexpr std::uint64_t kRunsOfEach = 120;

  // By the newest kRunsOfEach runs of each; of graphs that nothing is known of yet, kLookedAtOnce
  // are looked at. `sees`: which graphs are asked for. The page: at most `count_max`, behind
  // `after`.
  template <typename Sees>
  Result<Found> Find(record::Record& record, const catalogue::Catalogue& catalogue,
                     const Sees& sees, const plan::GraphKey& after, std::size_t count_max) {
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
      found.more = found.more || known == nullptr;
      if (known == nullptr || known->open.dates.empty()) continue;
      ++found.all;
      if (key <= after) continue;
      found.has_next_page = found.graphs.size() == count_max;
      if (!found.has_next_page) found.graphs.emplace_back(key, known->open);
    }
    return found;
  }

 private:
  using Definition = std::shared_ptr<const catalogue::Definition>;
  struct Known {
    Definition definition;
    Open open;
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
