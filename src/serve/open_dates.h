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
  static constexpr std::size_t kShownMax = 20;
  static constexpr std::uint64_t kRunsOfEach = 1000, kOlderFailures = 200;

  // `runs_of_each`: as kRunsOfEach.
  explicit OpenDates(std::uint64_t runs_of_each = kRunsOfEach) : runs_of_each_(runs_of_each) {}

  // By the newest kRunsOfEach runs of each, and the newest kOlderFailures that failed before those.
  // Graphs that nothing is known of yet are looked at until that has cost enough for one call.
  // `sees`: which graphs are asked for. The page: at most `count_max`, behind `after`.
  template <typename Sees>
  Result<Found> Find(record::Record& record, const catalogue::Catalogue& catalogue,
                     const Sees& sees, const plan::GraphKey& after, std::size_t count_max) {
    const std::lock_guard lock(mutex_);
    TRY(ForgetWhatChanged(record));
    Found found;
    std::uint64_t cost = 0;
    for (const auto& [key, definition] : catalogue.definitions) {
      if (!sees(key)) continue;
      const Known* known = Recall(key, definition);
      if (known == nullptr && cost < kCostMax) {
        TRY_ASSIGN(known, Look(record, key, definition, cost));
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
  // In runs that are read: two hundred milliseconds of a thread that answers who looks.
  static constexpr std::uint64_t kCostMax = 30'000, kCostOfQuery = 20;

  using Definition = std::shared_ptr<const catalogue::Definition>;
  struct Known {
    Definition definition;
    Open open;
  };

  Result<void> ForgetWhatChanged(record::Record& record);
  const Known* Recall(const plan::GraphKey& key, const Definition& definition) const;
  Result<const Known*> Look(record::Record& record, const plan::GraphKey& key,
                            const Definition& definition, std::uint64_t& cost);
  Result<std::vector<record::RunRow>> ListRuns(record::Record& record, record::RunFilter filter,
                                               std::uint64_t& cost) const;
  // Adds to `dates` those of the runs that failed before that number.
  Result<void> AddOlder(record::Record& record, const plan::Graph& graph, std::int64_t before,
                        std::vector<DataDate>& dates, std::uint64_t& cost) const;

  const std::uint64_t runs_of_each_;
  std::mutex mutex_;
  std::map<plan::GraphKey, Known> known_;
  WhatChanged changed_;
};

}  // namespace busker::serve
