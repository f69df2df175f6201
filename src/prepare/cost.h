// What the machines of a cloud that a run's attempts get cost: before it, at the worst; after it,
// by what is on record. The prices are those of cloud/machine_types.h, and so "about".
#pragma once

#include <string>

#include "base/result.h"
#include "record/record.h"
#include "service/service.h"

namespace busker::prepare {

// "at the worst 4.3 VM-hours of e2-standard-2 (2 attempts of at most 2h 10m), about $0.32 by list
// prices of August 2026 in europe-west1". Empty: runs of the action at the target get no machines,
// or there is no such target or action.
std::string WorstCost(const service::Service& service, const std::string& action,
                      const std::string& target);

// "312 VM-seconds of e2-standard-2, about $0.01 by ..."; empty: it had no machine that is on
// record.
std::string CostOf(const record::RunRow& run);

}  // namespace busker::prepare
