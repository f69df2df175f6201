#include "serve/open_dates.h"

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

Result<const OpenDates::Known*> OpenDates::Look(record::Record& record, const plan::GraphKey& key,
                                                const Definition& definition) {
  record::RunFilter filter;
  filter.Only(key);
  filter.count_max = kRunsOfEach;
  filter.with_tasks = false;
  TRY_ASSIGN(const auto runs, record.ListRuns(filter));
  Known known{definition, {}};
  Open& open = known.open;
  for (DataDate& date : DatesOf(definition->graph, runs)) {
    if (!IsOpen(date)) continue;
    ++(date.state ? open.failed : open.missing);
    if (open.dates.size() < kShownMax) open.dates.push_back(std::move(date));
  }
  return &(known_[key] = std::move(known));
}

}  // namespace busker::serve
