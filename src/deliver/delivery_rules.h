// What holds of a delivery and of an undo in whichever warehouse: decided from the table's history
// and the file, without touching either.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "deliver/csv_file.h"
#include "deliver/csv_load.h"
#include "deliver/table_log.h"
#include "deliver/warehouse.h"

namespace busker::deliver {

// The column that Write::kPartition adds.
inline constexpr std::string_view kDataDate = "data_date";

bool IsDeliveryId(std::string_view id);

// The request with canonical types, or what is wrong with it.
Result<Request> Checked(Request request);

// Whether the delivery takes the place of a part. What has no partition is replaced by one with
// `force` alone.
bool Replaces(const Request& request, const Part& part);

// I34: what is older never takes the place of what is newer.
Result<void> CheckOrder(const Request& request, const TableState& state);
Result<void> CheckPartitioned(const Request& request, const TableState& state);

// Of a delivery that was made for this id before: may it be what is asked for now?
Result<void> CheckRepeated(const Request& request, const Delivery& before);

// How the file is to be read, held against its header and the table that it joins.
Result<LoadPlan> PlanOf(const Request& request, const CsvSource& source, const TableState& state);

// That it is the file that was meant, and has as many rows as are expected.
Result<void> CheckSurvey(const Request& request, const CsvSurvey& survey);

// Those that the table gets.
std::vector<Column> ColumnsOf(const LoadPlan& plan);

// The change that delivers it now, of one part; what a warehouse knows of its own files is left
// out.
Change ChangeOf(const Request& request, const TableState& state, const std::vector<Column>& columns,
                const CsvSurvey& survey);

// The change that takes back delivery `id`, which is in the history. kInvalid: it was undone
// already, or another has to be undone first.
Result<Change> UndoOf(const std::vector<Change>& history, const std::string& id);

// The delivery as it is once that was made, after which the table is as `after` says.
Delivery Undone(Delivery delivery, const Change& undo, const TableState& after);

}  // namespace busker::deliver
