#include "plan/timetable.h"

#include <algorithm>

namespace busker::plan {
namespace {

constexpr Milliseconds kTick{1};  // instants are whole milliseconds

bool WithinBounds(const Graph& graph, Instant due) {
  if (!graph.start && !graph.end) return true;
  const Instant data = DataInstant(graph, due);
  return (!graph.start || data >= *graph.start) && (!graph.end || data <= *graph.end);
}

// The first and the last instant at which a run may be due, as far as the bounds say.
std::optional<Instant> EarliestDue(const Graph& graph) {
  if (!graph.start) return std::nullopt;
  const auto first = graph.schedule->Next(*graph.start - kTick);
  if (!graph.interval || !first) return first;
  return graph.schedule->Next(*first);
}

std::optional<Instant> LatestDue(const Graph& graph) {
  if (!graph.end) return std::nullopt;
  const auto last = graph.schedule->Previous(*graph.end + kTick);
  if (!graph.interval || !last) return last;
  return graph.schedule->Next(*last);
}

}  // namespace

std::optional<Instant> FirstDue(const Graph& graph, Instant after) {
  if (!graph.schedule) return std::nullopt;
  if (const auto earliest = EarliestDue(graph)) after = std::max(after, *earliest - kTick);
  const auto due = graph.schedule->Next(after);
  if (!due || !WithinBounds(graph, *due)) return std::nullopt;
  return due;
}

std::vector<Instant> Coming(const Graph& graph, Instant after, std::size_t count) {
  std::vector<Instant> coming;
  if (graph.once && graph.start && *graph.start > after && count > 0) {
    coming.push_back(*graph.start);
  }
  while (coming.size() < count) {
    const auto next = FirstDue(graph, coming.empty() ? after : coming.back());
    if (!next) break;
    coming.push_back(*next);
  }
  return coming;
}

std::optional<Instant> LastDue(const Graph& graph, Instant at) {
  if (!graph.schedule) return std::nullopt;
  if (const auto latest = LatestDue(graph)) at = std::min(at, *latest);
  const auto due = graph.schedule->Previous(at + kTick);
  if (!due || !WithinBounds(graph, *due)) return std::nullopt;
  return due;
}

Instant DataInstant(const Graph& graph, Instant due) {
  if (!graph.interval || !graph.schedule) return due;
  return graph.schedule->Previous(due).value_or(due);
}

Instant FirstCursor(const Graph& graph, Instant now) {
  if (!graph.start || !graph.schedule) return now;
  return std::min(now, EarliestDue(graph).value_or(now) - kTick);
}

DueInstants DueNow(const Graph& graph, Instant cursor, Instant now, std::size_t count_max,
                   Milliseconds on_time) {
  DueInstants due{{}, cursor};
  if (count_max == 0) return due;
  const auto last = LastDue(graph, now);
  if (!last || *last <= cursor) return due;
  if (graph.catch_up != CatchUp::kAll) {
    due.cursor = *last;
    const Instant since = std::max(cursor, now - on_time - kTick);
    for (auto next = FirstDue(graph, since); next && *next < *last; next = FirstDue(graph, *next)) {
      due.instants.push_back(*next);
    }
    if (*last > since) due.instants.push_back(*last);
    const bool within = !graph.catch_up_window || now - *last <= *graph.catch_up_window;
    if (due.instants.empty() && graph.catch_up == CatchUp::kLatest && within) {
      due.instants.push_back(*last);
    }
    return due;
  }
  if (graph.catch_up_window) {
    const Milliseconds window = std::max(*graph.catch_up_window, on_time);
    due.cursor = std::max(cursor, std::min(*last, now - window - kTick));
  }
  while (due.instants.size() < count_max) {
    const auto next = FirstDue(graph, due.cursor);
    if (!next || *next > now) break;
    due.cursor = *next;
    due.instants.push_back(*next);
  }
  return due;
}

}  // namespace busker::plan
