#include "serve/dates_api.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "http/json_body.h"
#include "http/paging.h"
#include "http/problem.h"
#include "serve/dates.h"
#include "serve/describe.h"
#include "serve/graphs_api.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kRunsOfOne = 10'000;  // a year of an action that runs each hour

ordered_json Describe(const access::Caller& caller, const DataDate& date) {
  return {{"date", date.date},
          {"state", date.state ? ordered_json(NameOf(*date.state)) : ordered_json()},
          {"run", TextOrNull(date.run)},
          {"message", date.message},
          {"trigger", TextFor(caller, date.trigger)},
          {"runs", date.runs}};
}

Result<std::vector<DataDate>> ReadDates(record::Record& record, const plan::Graph& graph,
                                        std::uint64_t runs_max, bool* more) {
  record::RunFilter filter;
  filter.Only(graph.key);
  filter.count_max = runs_max;
  filter.with_tasks = false;
  TRY_ASSIGN(const auto runs, record.ListRuns(filter));
  *more = runs.size() == runs_max;
  return DatesOf(graph, runs);
}

}  // namespace

void DatesApi::AddRoutes(Routes& routes) {
  routes.Add({http::Method::kGet, "/api/v1/graphs/{graph}/dates", access::Scope::kViewer,
              "What became of each data date, latest first, by its newest 10,000 runs; state null: "
              "its schedule has the date, between two that succeeded, and it never ran.",
              [this](const Call& call) { return ListDates(call); }});
  routes.Add({http::Method::kGet, "/api/v1/dates/open", access::Scope::kViewer,
              "Data dates that failed and have not succeeded since, or never ran between two that "
              "succeeded, by action or graph, the latest 20 of each: among its newest 1,000 runs, "
              "and 200 that failed before those: ?limit= &cursor=; more: not all were looked at "
              "yet, and asking again goes on.",
              [this](const Call& call) { return ListOpen(call); }, Reach::kOwn,
              http::WithPage({})});
}

http::Response DatesApi::ListDates(const Call& call) {
  const auto definition = daemon_.catalogue()->Find(GraphIn(call));
  if (!definition)
    return http::Problem(404, fmt::format("no action or graph \"{}\"", GraphIn(call)));
  bool more = false;
  const auto dates = records_.With([&](record::Record& record) {
    return ReadDates(record, (*definition)->graph, kRunsOfOne, &more);
  });
  if (!dates) return http::Problem(dates.error());
  ordered_json list = ordered_json::array();
  for (const DataDate& date : *dates) list.push_back(Describe(call.caller, date));
  return http::JsonResponse({{"dates", list}, {"more", more}});
}

http::Response DatesApi::ListOpen(const Call& call) {
  const auto limit = http::LimitIn(call.target);
  if (!limit) return http::Problem(limit.error());
  const auto after = plan::GraphKey::Parse(call.target.Query("cursor"));
  const auto sees = [&](const plan::GraphKey& key) { return call.caller.Sees(key.Text()); };
  const auto catalogue = daemon_.catalogue();
  const auto found = records_.With(
      [&](record::Record& record) { return open_.Find(record, *catalogue, sees, after, *limit); });
  if (!found) return http::Problem(found.error());
  ordered_json graphs = ordered_json::array();
  for (const auto& [graph, open] : found->graphs) {
    ordered_json dates = ordered_json::array();
    for (const DataDate& date : open.dates) dates.push_back(Describe(call.caller, date));
    graphs.push_back({{"graph", graph.Text()},
                      {"count", open.failed + open.missing},
                      {"failed", open.failed},
                      {"missing", open.missing},
                      {"dates", dates}});
  }
  return http::JsonResponse(
      {{"graphs", graphs},
       {"all", found->all},
       {"next", found->has_next_page ? ordered_json(graphs.back()["graph"]) : ordered_json()},
       {"more", found->more}});
}

}  // namespace busker::serve
