// Which instants of a graph's schedule are due: its bounds, its catch-up policy, its meaning.
#pragma once

#include <optional>
#include <vector>

#include "plan/graph.h"

namespace busker::plan {

// An instant that is handled within this of its time is on time, whatever the catch-up policy: a
// start or a turn may be slow. A pause is no slowness: what passed in it is missed at once.
inline constexpr Milliseconds kOnTime = std::chrono::minutes(1);

// The first instant after `after` at which a run of the graph is due; nullopt: none is to come. A
// graph that runs `once` is left to the caller.
std::optional<Instant> FirstDue(const Graph& graph, Instant after);

// The next instants after `after` at which runs of the graph are due, that of one that runs `once`
// among them; at most `count`.
std::vector<Instant> Coming(const Graph& graph, Instant after, std::size_t count);

// The last instant at or before `at` at which a run was due; nullopt: there was none.
std::optional<Instant> LastDue(const Graph& graph, Instant at);

// The instant that the run due at `due` is for.
Instant DataInstant(const Graph& graph, Instant due);

// Where a graph that was never seen before begins: its start, else now.
Instant FirstCursor(const Graph& graph, Instant now);

struct DueInstants {
  std::vector<Instant> instants;  // to be run, oldest first
  Instant cursor{};               // dealt with up to here
};
// The instants in (cursor, now] that the catch-up policy lets run, at most `count_max`: the rest
// stays for a later call. What is later than `on_time` was missed.
DueInstants DueNow(const Graph& graph, Instant cursor, Instant now, std::size_t count_max,
                   Milliseconds on_time = kOnTime);

}  // namespace busker::plan
