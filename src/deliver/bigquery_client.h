// BigQuery's API (v2), as far as a warehouse needs it.
// https://docs.cloud.google.com/bigquery/docs/reference/rest
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/google_client.h"
#include "deliver/bigquery_error.h"
#include "deliver/warehouse.h"

namespace busker::deliver {

// "bigquery://PROJECT[/DATASET][?query_bytes_max=10GB]".
struct BigQueryPlace {
  std::string project;
  std::string dataset;  // the only one; empty: each table's own, the word before its point
  std::uint64_t query_bytes_max = std::uint64_t{10} << 30;  // billed for one query by hand
};
Result<BigQueryPlace> ParseBigQueryUrl(const std::string& url);

// Whether BigQuery can load from a bucket there into a dataset there
// (bigquery/docs/loading-data-cloud-storage, "location considerations"), in whatever letters:
// Cloud Storage says EUROPE-WEST1, BigQuery europe-west1. What is not known for certain is true,
// and left to BigQuery to say.
bool CanLoad(const std::string& bucket_location, const std::string& dataset_location);

struct TableName {
  std::string dataset, table;
};
TableName ParseTableName(const std::string& table);  // "dataset.table", which was checked

// A table as it is now.
struct BigQueryTable {
  std::string kind;             // TABLE, VIEW, SNAPSHOT, ...
  std::vector<Column> columns;  // with our names of types, where we have them
  std::string fields;           // the same as the API has it: a list, as JSON
  std::string partitioned_by;   // a column, by day; "?" for another way; empty: it is not
  std::vector<std::string>
      kept_by_schema;  // what another schema would lose: "the description of id"
  std::uint64_t rows = 0;
  std::string created_ms, modified_ms;  // when, since 1970
  bool expires = false;
  std::string etag;
};

struct BigQueryJob {
  std::string id, location;
  std::string configuration;  // JSON, without labels
};

struct BigQueryJobState {
  bool done = false;
  bool is_ours = false;  // it has the configuration that was asked for
  bool is_new = false;   // it was begun, or refused, just now
  std::string digest;    // of its configuration, by whoever of us began it; empty: somebody else
  std::optional<BigQueryRefusal> failure;
  std::string statement_type;  // of a query
};

struct BigQueryParameter {
  std::string name, type, value;
};

// One object is used by one thread. Calls end by their interrupt, as those of artifact::Store.
// What may pass (MayPass) is tried again until then, or until it has gone on for ten minutes.
class BigQueryClient {
 public:
  // As whoever cloud/google_access.h finds.
  static Result<BigQueryClient> Open(const std::string& project,
                                     const cloud::RetryPolicy& policy = {});

  const std::string& project() const { return project_; }

  // kNotFound, with the command that makes it.
  Result<std::string> LocationOf(const std::string& dataset, const io::Interrupt& interrupt);
  Result<std::vector<std::string>> Datasets(const io::Interrupt& interrupt);

  // Of a bucket of Cloud Storage; empty: who asks may not know.
  Result<std::string> LocationOfBucket(const std::string& bucket, const io::Interrupt& interrupt);

  // The first bytes of an object, at most so many. kNotFound: there is none.
  Result<std::string> BeginningOf(const std::string& url, std::uint64_t bytes_max,
                                  const io::Interrupt& interrupt);

  Result<std::optional<BigQueryTable>> Find(const TableName& name, const io::Interrupt& interrupt);
  // false: there is one already. `expires_at`: zero is never.
  Result<bool> Create(const TableName& name, const std::vector<Column>& columns, Instant expires_at,
                      const std::string& description, const io::Interrupt& interrupt);
  Result<void> KeepForGood(const TableName& name, const io::Interrupt& interrupt);  // no expiration
  // Columns without a value, behind those of `table`, if it is still as it was.
  Result<void> AddColumns(const TableName& name, const BigQueryTable& table,
                          const std::vector<Column>& columns, const io::Interrupt& interrupt);
  Result<void> Remove(const TableName& name, const io::Interrupt& interrupt);  // gone is fine
  Result<bool> HasRowPolicies(const TableName& name, const io::Interrupt& interrupt);

  // Begins the job, or finds the one of that id. Whether the id was free is not told, but whether
  // the job is the one that was asked for.
  Result<BigQueryJobState> Begin(const BigQueryJob& job, const io::Interrupt& interrupt);
  Result<std::optional<BigQueryJobState>> Look(const BigQueryJob& job,
                                               const io::Interrupt& interrupt);
  // Until it is done. There is no call that waits: it is asked, more and more rarely.
  Result<BigQueryJobState> Await(const BigQueryJob& job, BigQueryJobState state,
                                 const io::Interrupt& interrupt);
  // The two together.
  Result<BigQueryJobState> Do(const BigQueryJob& job, const io::Interrupt& interrupt);

  struct Question {
    std::string sql;
    std::vector<BigQueryParameter> parameters;
    std::string location;  // empty: that of what it names
    std::string dataset;   // of names without one; empty: none
    std::uint64_t rows_max = 1'000'000;
    std::uint64_t bytes_billed_max = 0;  // 0: no limit
  };
  // What kind of statement it is, and whether it would be carried out: "SELECT".
  Result<std::string> StatementType(const Question& question, const io::Interrupt& interrupt);
  // What a SELECT answers. DATETIME and TIMESTAMP as the embedded warehouse writes them.
  Result<Answer> Ask(const Question& question, const io::Interrupt& interrupt);

 private:
  BigQueryClient(std::string project, std::string endpoint, std::string storage,
                 std::shared_ptr<cloud::GoogleClient> client,
                 std::shared_ptr<cloud::GoogleClient> storage_client, cloud::RetryPolicy policy);

  struct Reply;
  Result<Reply> Call(const std::string& method, const std::string& path, const std::string& body,
                     const io::Interrupt& interrupt, const std::string& if_match = {});
  std::string TableUrl(const TableName& name) const;

  std::string project_, endpoint_, storage_endpoint_;
  std::shared_ptr<cloud::GoogleClient> client_, storage_;
  cloud::RetryPolicy policy_;
};

// What tells the work of a job from that of another: a digest, which is its label.
std::string DigestOf(const BigQueryJob& job);

}  // namespace busker::deliver
