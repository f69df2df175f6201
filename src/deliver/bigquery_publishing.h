// How a table of BigQuery gets its rows: by one job, which leaves it all that it has besides rows
// as long as its columns stay.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "deliver/bigquery_client.h"
#include "deliver/warehouse.h"
#include "io/interrupt.h"

namespace busker::deliver {

// One job, and columns that the table needs before.
struct Publishing {
  std::string configuration;
  std::vector<Column> added;
};

bool HasColumn(const std::vector<Column>& columns, const Column& column);

// SQL of the rows, in the columns that it is given.
using SelectRows = std::function<std::string(const std::vector<Column>&)>;

// kInvalid: `table` cannot take them; the message says what can be done.
Result<Publishing> PublishingOf(BigQueryClient& client, const TableName& name,
                                const std::optional<BigQueryTable>& table,
                                const std::vector<Column>& columns, Write write,
                                const std::string& partition, const SelectRows& select,
                                const io::Interrupt& interrupt);

}  // namespace busker::deliver
