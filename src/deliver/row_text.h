// The JSON text of the values of a table: one text for each value, whoever wrote it, so that keys
// are compared as text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "deliver/warehouse.h"

namespace busker::deliver {

// Whether a column of this type (a canonical one) may be part of a key: one whose values have one
// text each, STRING, INT64, BOOL and DATE.
bool CanBeKey(std::string_view type);

// Append a value's text to `json`. A string gets its quotes; what is no JSON in `text` is escaped,
// and UTF-8 stays as it is. A number has the shortest text that gives the same double; what is no
// number to JSON is "NaN", "Infinity" and "-Infinity".
void AddJsonText(std::string_view text, std::string& json);
void AddJsonNumber(double number, std::string& json);

// A value as text of DuckDB's, of a column that is no STRING, INT64, FLOAT64 or BOOL: NUMERIC
// without zeros that nobody needs, DATETIME and TIMESTAMP as RFC 3339 has them.
void AddJsonOf(std::string_view type, std::string_view text, std::string& json);

// The text of a key's value as who asks writes it: for INT64 `42`, also with a sign or zeros before
// it. kInvalid, half a sentence ("\"x\" is no INT64"), when it is no value of the column.
Result<void> AddKeyText(const Column& column, std::string_view text, std::string& json);

}  // namespace busker::deliver
