// The table `_busker_deliveries` of a dataset: what was done to its tables, oldest first, for ever.
// It is the truth about them (docs/decisions/0051-the-ledger-of-a-dataset.md).
//
// A change to a table is made by one job of BigQuery, which is whole or not at all. A row "begun"
// is there before that job is asked for, with the job's id and location; it is the turn of that
// change, until a row says how it ended: "done", "failed" or "abandoned". Where that row is
// missing, the job itself tells. Two never get one turn, because the row is added by a job whose id
// is the turn's number, and an id is given once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/bigquery_client.h"
#include "deliver/table_log.h"
#include "io/digest.h"

namespace busker::deliver {

inline constexpr char kLedgerTable[] = "_busker_deliveries";

// The object that a delivery brought, which can be loaded again.
struct LedgerSource {
  std::string url;  // gs://
  io::FileDigest digest;
  std::vector<std::string> header;  // its columns, in the file's order
};

struct Turn {
  enum class State { kBegun, kDone, kFailed, kAbandoned } state = State::kBegun;
  std::string table;
  Change change;    // its number is the turn's
  BigQueryJob job;  // by which the table changes; of a turn that was read, without configuration
  std::string job_digest;  // DigestOf(job), of one that was read
  LedgerSource source;     // of a delivery
  // Rows that were there before and that nobody of us delivered, and those of them that it takes
  // away.
  std::uint64_t foreign_rows = 0, replaced_rows = 0;
  // kDone: the table right after, where that is known.
  std::optional<std::uint64_t> rows;
  std::string modified_ms;
};

// All turns of one table, oldest first.
struct TableTurns {
  std::string table;
  std::vector<Turn> turns;

  std::vector<Change> History() const;  // what was done
  TableState State() const;
  const Turn* Pending() const;  // the last, when it is begun and no more
  const Turn* LastDone() const;
  std::uint64_t ForeignRows() const;                  // of others, that it has left there
  const Turn* Of(const std::string& delivery) const;  // that made it, done or not; the last
  int TurnsOf(const std::string& delivery, Change::Kind kind) const;
  std::uint64_t NextNumber() const { return turns.empty() ? 1 : turns.back().change.number + 1; }
};

// The ledger of one dataset. One object is used by one thread.
class BigQueryLedger {
 public:
  BigQueryLedger(BigQueryClient& client, std::string dataset, std::string location)
      : client_(client), dataset_(std::move(dataset)), location_(std::move(location)) {}

  const std::string& dataset() const { return dataset_; }
  const std::string& location() const { return location_; }

  // By table. `table` and `delivery`: those of that table, and those that tell of that delivery;
  // both empty: all. No ledger: none. A table whose rows cannot be read is kUnusable, or among
  // `damaged`.
  Result<std::map<std::string, TableTurns>> Read(const std::string& table,
                                                 const std::string& delivery,
                                                 const io::Interrupt& interrupt,
                                                 std::vector<DamagedTable>* damaged = nullptr);

  // Makes it where there is none, and asks once when it was made, which is a part of the ids of all
  // jobs that count on it: BigQuery remembers them for longer than a ledger need live.
  Result<std::string> Birth(const io::Interrupt& interrupt);

  // kUnusable, with what to do: a turn was taken that the ledger does not tell of.
  tl::unexpected<Error> Lost(const std::string& table, std::uint64_t number) const;

  // Takes the turn; false: another has it. `change.number` is NextNumber().
  Result<bool> Begin(const Turn& turn, const io::Interrupt& interrupt);

  // Says how it ended. That another has said so is fine.
  Result<void> End(const Turn& turn, const io::Interrupt& interrupt);

 private:
  Result<bool> Add(const std::string& job_id, const Turn& turn, const std::string& kind,
                   const std::string& entry, const io::Interrupt& interrupt);

  BigQueryClient& client_;
  const std::string dataset_, location_;
  std::string birth_;  // empty: not asked yet
};

// Names of jobs: what is given is mapped one to one, and no two kinds of them meet.
std::string JobIdOf(const std::string& table, const std::string& delivery, char kind,
                    const std::string& number);

}  // namespace busker::deliver
