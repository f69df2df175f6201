// The warehouse in Google's BigQuery: a table "schema.table" is the table of that dataset.
//
// What is delivered has to be in Cloud Storage, from where BigQuery loads it: a store elsewhere is
// refused. It is loaded as text into a table of its own, which expires, and is checked there; then
// one job puts it into the table. Which job that is stands in the dataset's ledger before
// (bigquery_ledger.h), so that whoever comes after a process that died, or whose answer was lost,
// asks that job.
#pragma once

#include <memory>
#include <string>

#include "cloud/retry.h"
#include "deliver/bigquery_client.h"
#include "deliver/warehouse.h"

namespace busker::deliver {

struct BigQuerySettings {
  cloud::RetryPolicy retry;
  // A turn whose job nobody has asked for after so long was left behind: its job's id is used up,
  // and the turn is over.
  Milliseconds abandoned_after{10'000};
  Milliseconds staged_for = std::chrono::hours(24);
};

// Nothing is asked of it yet but who we are. `wait_max`: for jobs, and for others that change the
// same table.
Result<std::unique_ptr<Warehouse>> OpenBigQuery(const std::string& url, Milliseconds wait_max,
                                                const BigQuerySettings& settings = {});

}  // namespace busker::deliver
