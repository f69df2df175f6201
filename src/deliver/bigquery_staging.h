// The way of a delivery's file from the bucket into a table of its own, where BigQuery looks at its
// values, and no more of it than is needed to this machine.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "deliver/bigquery_client.h"
#include "deliver/bigquery_ledger.h"
#include "deliver/bigquery_sql.h"
#include "deliver/bigquery_warehouse.h"
#include "deliver/csv_load.h"
#include "deliver/snapshot.h"
#include "io/interrupt.h"
#include "io/temporary_folder.h"

namespace busker::deliver {

// "gs://bucket/prefix/key" -> "bucket"
std::string BucketOf(const std::string& url);

// That an object is what a delivery brought: as far as the bucket tells without sending it.
Result<void> CheckSource(const LedgerSource& source, const std::string& delivery,
                         const io::Interrupt& interrupt);

// The file of a delivery, as far as it was looked at.
struct DeliveredFile {
  DeliveredFile(std::string from, TableName to) : url(std::move(from)), staging(std::move(to)) {}

  Result<io::fs::path> Folder() {
    if (!folder) {
      TRY_ASSIGN(auto made, io::TemporaryFolder::Make("busker-delivery"));
      folder.emplace(std::move(made));
    }
    return folder->path();
  }
  Staged StagedAt(std::string path) const {
    return {std::move(path), source->header.names, plan->columns, plan->data_date};
  }

  const std::string url;
  const TableName staging;
  std::optional<io::TemporaryFolder> folder;  // once something of the file is here
  std::optional<CsvSource> source;            // all of it, or its beginning alone
  bool is_whole = false;
  std::optional<LoadPlan> planned, plan;  // as decided beforehand; with the types that it has
  CsvSurvey survey;
};

class BigQueryStaging {
 public:
  // The client outlives it.
  BigQueryStaging(BigQueryClient& client, const BigQuerySettings& settings)
      : client_(client), settings_(settings) {}

  // Of the table in which a file is on its way.
  TableName NameFor(const std::string& dataset, const std::string& url,
                    const std::string& delivery) const;
  // Loads an object into a staging table; returns how many rows are there.
  Result<std::uint64_t> Stage(const std::string& table, const std::string& delivery,
                              const std::string& url, std::size_t columns, const TableName& staging,
                              const std::string& location, const io::Interrupt& interrupt) const;
  // Plans, judges and stages it, as far as the table's state asks for that anew.
  Result<void> Prepare(const Request& request, const TableState& state, const std::string& location,
                       DeliveredFile& file, const io::Interrupt& interrupt) const;

 private:
  Result<void> OpenBeginning(const Request& request, DeliveredFile& file,
                             const io::Interrupt& interrupt) const;
  Result<void> OpenWhole(const Request& request, DeliveredFile& file,
                         const io::Interrupt& interrupt) const;
  Result<std::optional<std::uint64_t>> CountPlain(const DeliveredFile& file,
                                                  const std::string& location,
                                                  const io::Interrupt& interrupt) const;

  BigQueryClient& client_;
  const BigQuerySettings settings_;
};

}  // namespace busker::deliver
