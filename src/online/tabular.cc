#include "online/tabular.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "online/answer.h"

namespace busker::online {
namespace {

using predict::InstanceReader;
using predict::JsonPull;
using predict::Rows;
using Kind = JsonPull::Kind;

tl::unexpected<Error> FaultIn(const JsonPull& json) {
  return tl::unexpected(predict::FaultOfJson(json));
}

Result<std::vector<std::string>> ReadNames(JsonPull& json) {
  std::vector<std::string> names;
  if (json.Peek() != Kind::kArray) return Invalid("\"columns\" must be a list of names");
  bool first = true;
  for (json.Enter(); json.More(first);) names.emplace_back(json.Text());
  if (!json.ok()) return FaultIn(json);
  return names;
}

// {"columns": [...], "data": [[...], ...]}, in any order.
Result<Rows> ReadSplit(JsonPull& json, InstanceReader& reader) {
  std::string_view columns, data;
  if (json.Peek() != Kind::kObject) return Invalid("\"dataframe_split\" must be an object");
  bool first = true;
  for (json.Enter(); json.More(first);) {
    const std::string name(json.Name());
    const std::string_view value = json.Skip();
    if (name == "columns") columns = value;
    if (name == "data") data = value;
  }
  if (!json.ok()) return FaultIn(json);
  if (columns.empty() || data.empty()) {
    return Invalid("\"dataframe_split\" needs \"columns\" and \"data\"");
  }
  JsonPull of_columns(columns), of_data(data);
  TRY_ASSIGN(const auto names, ReadNames(of_columns));
  return reader.ReadLists(of_data, names);
}

// nullopt: it is no form of instances.
using Read = Result<Rows> (*)(JsonPull&, InstanceReader&);
Read FormOf(std::string_view name, Kind kind, Forms forms) {
  const Read rows = [](JsonPull& json, InstanceReader& reader) { return reader.ReadRows(json); };
  if (name == "instances") return rows;
  if (name == "inputs") {
    if (kind != Kind::kObject) return rows;
    return [](JsonPull& json, InstanceReader& reader) { return reader.ReadColumns(json); };
  }
  if (forms == Forms::kMlflow && name == "dataframe_records") return rows;
  if (forms == Forms::kMlflow && name == "dataframe_split") return ReadSplit;
  return nullptr;
}

struct Cell {
  std::string_view text;
  bool quoted = false;
  bool last = false;  // of its line
};

// The cells of CSV, one after the other.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  bool AtEnd() const { return at_ >= text_.size(); }

  // kInvalid: a quote that does not end, or goes on behind its end.
  Result<Cell> Next() {
    Cell cell;
    if (AtEnd()) {  // behind a comma
      cell.last = true;
      return cell;
    }
    if (text_[at_] == '"') {
      cell.quoted = true;
      ++at_;
      TRY_ASSIGN(cell.text, Quoted());
    } else {
      const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
      cell.text = text_.substr(at_, end - at_);
      at_ = end;
    }
    if (AtEnd()) {
      cell.last = true;
    } else if (text_[at_] == ',') {
      ++at_;
    } else if (text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n")) {
      at_ += text_[at_] == '\n' ? 1 : 2;
      cell.last = true;
    } else {
      return Invalid("the CSV cannot be read: something follows a quote");
    }
    return cell;
  }

 private:
  Result<std::string_view> Quoted() {
    const std::size_t begin = at_;
    bool doubled = false;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] != '"') continue;
      if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        doubled = true;
        ++at_;
        continue;
      }
      const std::string_view inner = text_.substr(begin, at_++ - begin);
      if (!doubled) return inner;
      decoded_.clear();
      for (std::size_t i = 0; i < inner.size(); ++i) {
        decoded_ += inner[i];
        if (inner[i] == '"') ++i;
      }
      return std::string_view(decoded_);
    }
    return Invalid("the CSV cannot be read: a quote does not end");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string decoded_;  // of the last cell
};

Result<void> ReadCsvRow(CsvReader& csv, const std::vector<std::size_t>& order,
                        InstanceReader& reader, float* row) {
  std::size_t count = 0;
  for (bool last = false; !last; ++count) {
    TRY_ASSIGN(const Cell cell, csv.Next());
    last = cell.last;
    if (count >= order.size() || order[count] == predict::FieldReader::kNone) continue;
    TRY_ASSIGN(row[order[count]], reader.fields().ReadCell(order[count], cell.text, cell.quoted));
  }
  if (count == order.size()) return {};
  return Invalid(fmt::format("{} cells are expected, got {}", order.size(), count));
}

void AppendList(std::string& text, const std::vector<float>& values, std::size_t first,
                std::size_t step) {
  text += '[';
  for (std::size_t i = first; i < values.size(); i += step) {
    if (i != first) text += ", ";
    AppendNumber(text, values[i]);
  }
  text += ']';
}

}  // namespace

std::string_view WithoutMark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

Result<Tabular> ReadTabular(std::string_view text, Forms forms, InstanceReader& reader) {
  const std::string_view expected =
      forms == Forms::kTensorFlow
          ? "an object with \"instances\" or \"inputs\" is expected"
          : "an object with one of \"instances\", \"inputs\", \"dataframe_split\" and "
            "\"dataframe_records\" is expected";
  JsonPull json(WithoutMark(text));
  if (json.Peek() != Kind::kObject) {
    return json.ok() ? Invalid(std::string(expected)) : Result<Tabular>(FaultIn(json));
  }
  Tabular tabular;
  std::string found;
  bool first = true;
  for (json.Enter(); json.More(first);) {
    const std::string_view name = json.Name();
    const Kind kind = json.Peek();
    if (!json.ok()) break;
    const Read read = FormOf(name, kind, forms);
    if (read == nullptr) {
      json.Skip();
      continue;
    }
    if (!found.empty()) {
      return Invalid(fmt::format("\"{}\" and \"{}\" are both there; one is expected", found, name));
    }
    found = name;
    tabular.by_columns = name == "inputs";
    TRY_ASSIGN(tabular.rows, read(json, reader));
  }
  if (!json.ok() || !json.AtEnd()) return FaultIn(json);
  if (found.empty()) return Invalid(std::string(expected));
  return tabular;
}

Result<Tabular> ReadCsv(std::string_view text, bool header, InstanceReader& reader) {
  CsvReader csv(WithoutMark(text));
  const auto& inputs = reader.fields().signature().inputs;
  std::vector<std::string> names;
  if (header) {
    for (bool last = csv.AtEnd(); !last;) {
      TRY_ASSIGN(const Cell cell, csv.Next());
      names.emplace_back(cell.text);
      last = cell.last;
    }
  } else {
    for (const predict::Input& input : inputs) names.push_back(input.name);
  }
  const auto order = reader.Order(names);
  if (!order) {
    return Invalid(
        fmt::format("the first line of the CSV: {}{}", order.error().message,
                    header ? "; without names: Content-Type: text/csv; header=absent" : ""));
  }
  Tabular tabular;
  Rows& rows = tabular.rows;
  while (!csv.AtEnd()) {
    if (rows.size == reader.rows_max()) {
      return tl::unexpected(predict::TooManyRows(reader.rows_max()));
    }
    rows.values.resize(rows.values.size() + inputs.size());
    ++rows.size;
    float* const row = rows.values.data() + (rows.values.size() - inputs.size());
    if (const auto read = ReadCsvRow(csv, *order, reader, row); !read) {
      return tl::unexpected(predict::FaultOf(rows.size, read.error()));
    }
  }
  return tabular;
}

Result<Tabular> ReadBody(std::string_view content_type, std::string_view body, Forms forms,
                         InstanceReader& reader) {
  const std::string type = LowerCase(content_type);
  const std::string_view kind = Trim(std::string_view(type).substr(0, type.find(';')));
  if (kind == "text/csv") {
    const bool header = type.find("header=absent") == std::string::npos;
    return ReadCsv(body, header, reader);
  }
  // curl calls it a form when nobody says what it is.
  if (kind.empty() || kind == "application/json" || kind == "application/x-www-form-urlencoded" ||
      kind == "application/octet-stream" || kind == "text/plain") {
    return ReadTabular(body, forms, reader);
  }
  return Invalid(fmt::format("\"{}\" is not read here; application/json and text/csv are",
                             Printable(kind.substr(0, 40))));
}

std::string RowsAsJson(const predict::Signature& signature, const std::vector<float>& values) {
  const std::size_t outputs = signature.outputs.size();
  std::string text;
  text.reserve(values.size() * 12 + 2);
  if (outputs == 1) {
    AppendList(text, values, 0, 1);
    return text;
  }
  text += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += i == 0 ? "{" : i % outputs == 0 ? "}, {" : ", ";
    AppendText(text, signature.outputs[i % outputs]);
    text += ": ";
    AppendNumber(text, values[i]);
  }
  text += values.empty() ? "]" : "}]";
  return text;
}

std::string ColumnsAsJson(const predict::Signature& signature, const std::vector<float>& values) {
  const std::size_t outputs = signature.outputs.size();
  std::string text;
  if (outputs == 1) {
    AppendList(text, values, 0, 1);
    return text;
  }
  for (std::size_t i = 0; i < outputs; ++i) {
    text += i == 0 ? "{" : ", ";
    AppendText(text, signature.outputs[i]);
    text += ": ";
    AppendList(text, values, i, outputs);
  }
  return text + "}";
}

std::string RowsAsCsv(const predict::Signature& signature, const std::vector<float>& values) {
  const std::size_t outputs = signature.outputs.size();
  std::string text;
  for (std::size_t i = 0; i < outputs; ++i) {
    const std::string& name = signature.outputs[i];
    text += i == 0 ? "" : ",";
    if (name.find_first_of(",\"\r\n") == std::string::npos) {
      text += name;
      continue;
    }
    text += '"';
    for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
    text += '"';
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += i % outputs == 0 ? '\n' : ',';
    AppendNumber(text, values[i]);
  }
  return text + "\n";
}

}  // namespace busker::online
