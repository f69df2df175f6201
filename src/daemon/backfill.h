// A backfill: which instants of a schedule are asked for, what becomes of each, and their runs.
// Each function looks at what it is given alone; requests.h puts them together.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "daemon/owner.h"
#include "dispatch/conductor.h"
#include "plan/graph.h"
#include "prepare/places.h"
#include "record/record.h"

namespace busker::daemon {

// Whether a run that has ended like that can be taken up again.
bool CanBeRetried(plan::State state);

// The instants that are asked for, in the order in which they are to run. kInvalid: the graph has
// no schedule, or the request makes no sense for it.
Result<std::vector<Instant>> InstantsOfBackfill(const BackfillRequest& request,
                                                const plan::Graph& graph);

// What becomes of the instants, as things stand on record. `memory`: of the graph; nullptr: none.
Result<std::vector<BackfillInstant>> SurveyBackfill(const BackfillRequest& request,
                                                    const plan::Graph& graph,
                                                    std::span<const Instant> dues,
                                                    const plan::GraphMemory* memory, Instant now,
                                                    record::Record& record);

// What is known beforehand of those that are to run; kNotFound: none of them can. Looks at the
// artifact store, which may take long.
Result<std::vector<BackfillInstant>> ForeseeBackfill(const BackfillRequest& request,
                                                     const catalogue::Definition& definition,
                                                     const prepare::Places& places,
                                                     std::vector<BackfillInstant> instants);

// Those of the runs that are to be retried, as they are on record, by their ids.
Result<std::map<std::string, plan::DagRun>> RunsToRetry(std::span<const BackfillInstant> instants,
                                                        record::Record& record);

// Requests those that are to run still; the others have got a run in the meantime. `ended`: of
// RunsToRetry, read after `instants` was surveyed: so a run whose end is still the same is the
// same. In a turn of the conductor.
Result<std::vector<plan::Event>> QueueBackfill(const BackfillRequest& request,
                                               const plan::Graph& graph, const std::string& batch,
                                               std::map<std::string, plan::DagRun>& ended,
                                               std::span<BackfillInstant> instants,
                                               const dispatch::View& view);

}  // namespace busker::daemon
