#include "deliver/part_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/text.h"
#include "deliver/row_index.h"
#include "deliver/row_text.h"

namespace busker::deliver {
namespace {

constexpr std::size_t kShownBytesMax = 100;  // of a key, in a message

// How a column's values come from DuckDB.
enum class Form : std::uint8_t { kBigint, kDouble, kBoolean, kString, kOther };

Form FormOf(std::string_view type) {
  if (type == "INT64") return Form::kBigint;
  if (type == "FLOAT64") return Form::kDouble;
  if (type == "BOOL") return Form::kBoolean;
  return type == "STRING" || type == "JSON" ? Form::kString : Form::kOther;
}

std::string SqlOf(const Column& column) {
  const std::string name = QuoteName(column.name);
  if (column.type == "BYTES") return "to_base64(" + name + ")";
  return FormOf(column.type) == Form::kOther ? "CAST(" + name + " AS VARCHAR)" : name;
}

// The columns of the key, in its order, and the others behind them.
std::vector<Column> KeyFirst(const PartToKey& part) {
  std::vector<Column> first, others = part.columns;
  for (const std::string& name : part.key) {
    const auto column = std::find_if(others.begin(), others.end(),
                                     [&](const Column& other) { return other.name == name; });
    CHECK(column != others.end(), "the key was checked");
    first.push_back(*column);
    others.erase(column);
  }
  first.insert(first.end(), others.begin(), others.end());
  return first;
}

class Maker {
 public:
  Maker(RowIndexWriter& writer, const RowIndexHead& head) : writer_(writer), head_(head) {
    for (const Column& column : head.columns) forms_.push_back(FormOf(column.type));
  }

  Result<void> Take(std::uint64_t rows, std::span<const ColumnChunk> columns) {
    for (std::uint64_t row = 0; row < rows; ++row) TRY(AddRow(columns, row));
    return {};
  }

 private:
  Result<void> AddRow(std::span<const ColumnChunk> columns, std::uint64_t row) {
    ++number_;
    values_.clear();
    std::size_t key_bytes = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].Has(row)) {
        AddValue(i, columns[i], row);
      } else if (i < head_.key) {
        return Invalid(fmt::format(
            "row {} has no value in \"{}\", a column of the key, by which rows are asked for; "
            "leave the row out, or name another key",
            number_, head_.columns[i].name));
      } else {
        values_ += "null";
      }
      values_ += ',';
      if (i + 1 == head_.key) key_bytes = values_.size();
    }
    TRY_ASSIGN(const auto same, writer_.Add(values_, key_bytes));
    if (!same) return {};
    return Invalid(fmt::format(
        "rows {} and {} have the same key, {}; a key is of one row: write one row for each, or "
        "name more columns in key",
        *same, number_, ShownKey(key_bytes)));
  }

  void AddValue(std::size_t i, const ColumnChunk& column, std::uint64_t row) {
    switch (forms_[i]) {
      case Form::kBigint: {
        char text[24];
        const auto end = std::to_chars(std::begin(text), std::end(text), column.Bigint(row));
        values_.append(text, static_cast<std::size_t>(end.ptr - text));
        return;
      }
      case Form::kDouble:
        AddJsonNumber(column.Double(row), values_);
        return;
      case Form::kBoolean:
        values_ += column.Boolean(row) ? "true" : "false";
        return;
      case Form::kString:
        AddJsonText(column.Varchar(row), values_);
        return;
      case Form::kOther:
        AddJsonOf(head_.columns[i].type, column.Varchar(row), values_);
        return;
    }
  }

  // "customer_id" = "X", "day" = "2026-11-01"
  std::string ShownKey(std::size_t key_bytes) const {
    std::string names;
    for (std::size_t i = 0; i < head_.key; ++i) {
      names += (i == 0 ? "" : ", ") + head_.columns[i].name;
    }
    std::string values = values_.substr(0, key_bytes - 1);
    if (values.size() > kShownBytesMax) values = values.substr(0, kShownBytesMax) + "...";
    return Printable(names + " = " + values);
  }

  RowIndexWriter& writer_;
  const RowIndexHead& head_;
  std::vector<Form> forms_;
  std::uint64_t number_ = 0;
  std::string values_;
};

// Known to nobody before there is the delivery: so nobody can choose keys that get in each other's
// way.
std::uint64_t SeedOf(const std::string& delivery) {
  std::uint64_t seed = 0;
  const std::string digest = io::Sha256Of("rows of " + delivery).substr(0, 15);
  std::from_chars(digest.data(), digest.data() + digest.size(), seed, 16);
  return seed;
}

}  // namespace

Result<void> CheckKey(const std::vector<std::string>& key, const std::vector<Column>& columns) {
  if (key.size() > kKeyColumnsMax) {
    return Invalid(fmt::format("a key is of {} columns at most", kKeyColumnsMax));
  }
  for (std::size_t i = 0; i < key.size(); ++i) {
    const auto column = std::find_if(columns.begin(), columns.end(),
                                     [&](const Column& other) { return other.name == key[i]; });
    if (column == columns.end()) {
      std::vector<std::string> names;
      for (const Column& other : columns) names.push_back(other.name);
      const auto nearest = Nearest(key[i], names);
      return Invalid(fmt::format(
          "it has no column \"{}\", which key names; {}", Printable(key[i]),
          nearest ? "did you mean \"" + *nearest + "\"?" : "its columns are " + Join(names, ", ")));
    }
    if (std::find(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(i), key[i]) !=
        key.begin() + static_cast<std::ptrdiff_t>(i)) {
      return Invalid(fmt::format("key names \"{}\" twice", Printable(key[i])));
    }
    if (column->type.empty() || CanBeKey(column->type)) continue;
    return Invalid(fmt::format(
        "column \"{}\" is {}, and a key is of STRING, INT64, BOOL and DATE; schema = {{ ... }} "
        "says what it is",
        Printable(key[i]), column->type));
  }
  return {};
}

Result<io::FileDigest> WriteRowsByKey(Session& session, const PartToKey& part,
                                      const io::fs::path& target) {
  TRY(CheckKey(part.key, part.columns));
  RowIndexHead head;
  head.rows = part.rows;
  head.seed = SeedOf(part.delivery);
  head.key = part.key.size();
  head.columns = KeyFirst(part);
  std::string values;
  for (const Column& column : head.columns) values += (values.empty() ? "" : ", ") + SqlOf(column);
  TRY_ASSIGN(const auto writer, RowIndexWriter::Create(target, head));
  Maker maker(*writer, head);
  TRY(session.Stream("SELECT " + values + " FROM read_parquet(" + QuotePath(part.parquet) +
                         ", hive_partitioning = false)",
                     [&](std::uint64_t rows, std::span<const ColumnChunk> columns) {
                       return maker.Take(rows, columns);
                     }));
  return writer->Finish();
}

}  // namespace busker::deliver
