#include "serve/what_changed.h"

namespace busker::serve {
namespace {

// With more events than this it is cheaper to begin anew.
constexpr std::uint64_t kEventsAtOnce = 1000, kEventsMax = 20'000;

}  // namespace

Result<WhatChanged::Since> WhatChanged::Ask(record::Record& record) {
  Since since;
  since.everything = !seen_;
  record::EventFilter filter;
  filter.count_max = seen_ ? kEventsAtOnce : 1;
  std::optional<std::int64_t> newest;
  for (std::uint64_t read = 0; read < kEventsMax;) {
    TRY_ASSIGN(const auto events, record.ListEvents(filter));
    if (!newest) newest = events.empty() ? 0 : events.front().number;
    bool is_done = !seen_ || events.size() < filter.count_max;
    for (const record::EventRow& event : events) {
      filter.before = event.number;
      is_done = is_done || event.number <= seen_;
      if (is_done && event.number <= seen_.value_or(INT64_MAX)) break;
      if (event.run.empty()) since.deeds = true;
      if (event.what.starts_with("run ")) since.graphs.insert(plan::GraphKey::Parse(event.graph));
    }
    read += events.size();
    since.everything = since.everything || (!is_done && read >= kEventsMax);
    if (is_done) break;
  }
  // A record that was put back from a backup has fewer.
  since.everything = since.everything || newest < seen_;
  seen_ = newest;
  return since;
}

}  // namespace busker::serve
