#include "serve/open_dates.h"

#include <algorithm>
#include <set>

namespace busker::serve {

Result<void> OpenDates::ForgetWhatChanged(record::Record& record) {
  TRY_ASSIGN(const WhatChanged::Since since, changed_.Ask(record));
  if (since.everything) known_.clear();
  for (const plan::GraphKey& graph : since.graphs) known_.erase(graph);
  return {};
}

const OpenDates::Known* OpenDates::Recall(const plan::GraphKey& key,
                                          const Definition& definition) const {
  const auto known = known_.find(key);
  if (known == known_.end() || known->second.definition != definition) return nullptr;
  return &known->second;
}

Result<std::vector<record::RunRow>> OpenDates::ListRuns(record::Record& record,
                                                        record::RunFilter filter,
                                                        std::uint64_t& cost) const {
  filter.with_tasks = false;
  TRY_ASSIGN(auto runs, record.ListRuns(filter));
  cost += kCostOfQuery + runs.size();
  return runs;
}

Result<void> OpenDates::AddOlder(record::Record& record, const plan::Graph& graph,
                                 std::int64_t before, std::vector<DataDate>& dates,
                                 std::uint64_t& cost) const {
  std::set<std::string> told;
  for (const DataDate& date : dates) told.insert(date.date);
  record::RunFilter failed;
  failed.Only(graph.key);
  failed.state = plan::State::kFailed;
  failed.before = before;
  failed.count_max = kOlderFailures;
  TRY_ASSIGN(const auto failures, ListRuns(record, failed, cost));
  for (const record::RunRow& failure : failures) {
    if (!told.insert(failure.facts.data_date).second) continue;
    record::RunFilter of_date;
    of_date.Only(graph.key);
    of_date.data_date = failure.facts.data_date;
    of_date.count_max = runs_of_each_;
    TRY_ASSIGN(const auto runs, ListRuns(record, of_date, cost));
    for (DataDate& date : DatesOf(graph, runs)) dates.push_back(std::move(date));
  }
  std::sort(dates.begin(), dates.end(),
            [](const DataDate& a, const DataDate& b) { return a.date > b.date; });
  return {};
}

Result<const OpenDates::Known*> OpenDates::Look(record::Record& record, const plan::GraphKey& key,
                                                const Definition& definition, std::uint64_t& cost) {
  record::RunFilter newest;
  newest.Only(key);
  newest.count_max = runs_of_each_;
  TRY_ASSIGN(const auto runs, ListRuns(record, newest, cost));
  auto dates = DatesOf(definition->graph, runs);
  if (runs.size() == runs_of_each_) {
    TRY(AddOlder(record, definition->graph, runs.back().number, dates, cost));
  }
  Known known{definition, {}};
  Open& open = known.open;
  for (DataDate& date : dates) {
    if (!IsOpen(date)) continue;
    ++(date.state ? open.failed : open.missing);
    if (open.dates.size() < kShownMax) open.dates.push_back(std::move(date));
  }
  return &(known_[key] = std::move(known));
}

}  // namespace busker::serve
