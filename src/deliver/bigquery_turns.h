// Turns of BigQuery's tables: what became of the one job of each, and how the next is carried out
// (docs/decisions/0051-the-ledger-of-a-dataset.md).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "deliver/bigquery_client.h"
#include "deliver/bigquery_ledger.h"
#include "deliver/bigquery_publishing.h"
#include "deliver/bigquery_warehouse.h"
#include "io/interrupt.h"

namespace busker::deliver {

class BigQueryTurns {
 public:
  // The client outlives it. `wait_max`: so long the job of another is waited for.
  BigQueryTurns(BigQueryClient& client, Milliseconds wait_max, const BigQuerySettings& settings)
      : client_(client), wait_max_(wait_max), settings_(settings) {}

  // How the job of a turn that has no end on record has ended. `wait`: until it has; else the turn
  // stays begun.
  // `patience`: before a job that nobody has asked for is taken for one that never comes.
  Result<Turn::State> Outcome(const Turn& turn, bool wait, Milliseconds patience,
                              const io::Interrupt& interrupt) const;
  // The ledger's turns, all of which have ended.
  Result<std::map<std::string, TableTurns>> ReadSettled(BigQueryLedger& ledger,
                                                        const std::string& table,
                                                        const std::string& delivery,
                                                        const io::Interrupt& interrupt) const;
  // The one job of the turn, and how that ended is on record. A failure that may pass is not.
  Result<Turn> CarryOut(BigQueryLedger& ledger, Turn turn, const Publishing& publishing,
                        const TableName& name, const std::optional<BigQueryTable>& before,
                        const io::Interrupt& interrupt) const;

 private:
  BigQueryClient& client_;
  const Milliseconds wait_max_;
  const BigQuerySettings settings_;
};

}  // namespace busker::deliver
