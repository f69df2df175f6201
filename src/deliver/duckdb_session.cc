#include "deliver/duckdb_session.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace busker::deliver {
namespace {

std::string Quote(std::string_view text, char mark) {
  std::string quoted(1, mark);
  for (const char c : text) {
    if (c == mark) quoted += mark;
    quoted += c;
  }
  quoted += mark;
  return quoted;
}

// DuckDB's message as an Error: what may work later is kTemporary. Of that the first line is
// enough: those behind it are advice on DuckDB's settings, which nobody here can change, and a link
// to its manual.
tl::unexpected<Error> DuckdbError(ErrorKind kind, const char* message) {
  const std::string text = message != nullptr ? message : "DuckDB gave no reason";
  const auto says = [&](std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return text.find(part) != std::string::npos; });
  };
  const std::string line(Trim(std::string_view(text).substr(0, text.find('\n'))));
  if (says(
          {"Out of Memory Error", "failed to offload data block", "bad_alloc", "Bad allocation"})) {
    return Temporary(
        "there is not enough memory for it; stop what else needs memory, or give it more (" + line +
        ")");
  }
  if (says({"No space left on device", "Disk quota exceeded", "Too many open files"})) {
    return Temporary(line);
  }
  return Fail(kind, std::string(Trim(text)));
}

// A result, freed on destruction.
struct OwnedResult {
  const DuckdbLibrary& duckdb;
  duckdb_result result{};
  explicit OwnedResult(const DuckdbLibrary& library) : duckdb(library) {}
  OwnedResult(const OwnedResult&) = delete;
  OwnedResult& operator=(const OwnedResult&) = delete;
  ~OwnedResult() { duckdb.destroy_result(&result); }
};

struct OwnedStatements {
  const DuckdbLibrary& duckdb;
  duckdb_extracted_statements statements = nullptr;
  explicit OwnedStatements(const DuckdbLibrary& library) : duckdb(library) {}
  OwnedStatements(const OwnedStatements&) = delete;
  OwnedStatements& operator=(const OwnedStatements&) = delete;
  ~OwnedStatements() { duckdb.destroy_extracted(&statements); }
};

struct OwnedPrepared {
  const DuckdbLibrary& duckdb;
  duckdb_prepared_statement statement = nullptr;
  explicit OwnedPrepared(const DuckdbLibrary& library) : duckdb(library) {}
  OwnedPrepared(const OwnedPrepared&) = delete;
  OwnedPrepared& operator=(const OwnedPrepared&) = delete;
  ~OwnedPrepared() { duckdb.destroy_prepare(&statement); }
};

std::string CellText(const void* data, int type, std::uint64_t row) {
  if (type == kDuckdbBigint) return std::to_string(static_cast<const std::int64_t*>(data)[row]);
  if (type == kDuckdbBoolean)
    return static_cast<const std::uint8_t*>(data)[row] != 0 ? "true" : "false";
  CHECK(type == kDuckdbVarchar, "SQL of this room casts its columns to VARCHAR, BIGINT or BOOLEAN");
  return std::string(ColumnChunk(data, nullptr).Varchar(row));
}

void AddChunk(const DuckdbLibrary& duckdb, duckdb_data_chunk chunk, const std::vector<int>& types,
              Session::Table& table) {
  const std::uint64_t rows = duckdb.data_chunk_get_size(chunk);
  const std::size_t first = table.size();
  table.resize(first + rows, std::vector<Session::Cell>(types.size()));
  for (std::size_t column = 0; column < types.size(); ++column) {
    const duckdb_vector vector = duckdb.data_chunk_get_vector(chunk, column);
    const void* data = duckdb.vector_get_data(vector);
    const std::uint64_t* validity = duckdb.vector_get_validity(vector);
    for (std::uint64_t row = 0; row < rows; ++row) {
      const bool has_value = validity == nullptr || ((validity[row / 64] >> (row % 64)) & 1) != 0;
      if (has_value) table[first + row][column] = CellText(data, types[column], row);
    }
  }
}

bool IsNumber(int type) {
  return (type >= kDuckdbTinyint && type <= kDuckdbDouble) || type == kDuckdbHugeint ||
         type == kDuckdbDecimal || type == kDuckdbUhugeint || type == kDuckdbBignum;
}

Value MakeValue(Session::Cell cell, int type) {
  if (!cell) return {};
  if (type == kDuckdbBoolean) return {Value::Kind::kBool, *std::move(cell)};
  // "inf" and "nan" are no numbers to JSON.
  const bool finite = cell->find_first_of("nN") == std::string::npos;
  if (IsNumber(type) && finite) return {Value::Kind::kNumber, *std::move(cell)};
  return {Value::Kind::kText, *std::move(cell)};
}

// `sql` without the first word, when that is `word` in any case.
std::optional<std::string> WithoutWord(std::string_view sql, std::string_view word) {
  sql = Trim(sql);
  if (sql.size() <= word.size()) return std::nullopt;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(sql[i])) != word[i]) return std::nullopt;
  }
  const auto next = static_cast<unsigned char>(sql[word.size()]);
  if (std::isalnum(next) != 0 || next == '_') return std::nullopt;
  return std::string(sql.substr(word.size()));
}

tl::unexpected<Error> OnlyQueries() {
  return Invalid(
      "only one query can be asked (SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE, "
      "EXPLAIN); "
      "tables change by deliveries and undo alone");
}

struct OwnedPending {
  const DuckdbLibrary& duckdb;
  duckdb_pending_result pending = nullptr;
  explicit OwnedPending(const DuckdbLibrary& library) : duckdb(library) {}
  OwnedPending(const OwnedPending&) = delete;
  OwnedPending& operator=(const OwnedPending&) = delete;
  ~OwnedPending() { duckdb.destroy_pending(&pending); }
};

}  // namespace

std::string_view ColumnChunk::Varchar(std::uint64_t row) const {
  const duckdb_string& text = static_cast<const duckdb_string*>(data_)[row];
  if (text.length > kDuckdbStringInlineBytes) return {text.pointer, text.length};
  return {reinterpret_cast<const char*>(&text) + offsetof(duckdb_string, prefix), text.length};
}

std::string QuoteName(std::string_view name) { return Quote(name, '"'); }
std::string QuoteLiteral(std::string_view text) { return Quote(text, '\''); }

std::string QuotePath(const io::fs::path& path) {
  std::string pattern;
  for (const char c : path.string()) {
    if (c == '*' || c == '?' || c == '[') {
      pattern += {'[', c, ']'};
    } else {
      pattern += c;
    }
  }
  return QuoteLiteral(pattern);
}

Result<Session> Session::Open(const DuckdbLibrary& duckdb, const io::fs::path& path,
                              const io::fs::path& spill_folder) {
  duckdb_config config = nullptr;
  CHECK(duckdb.create_config(&config) == kDuckdbSuccess, "DuckDB has memory for its settings");
  const std::pair<const char*, std::string> settings[] = {
      {"autoinstall_known_extensions", "false"}, {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},   {"allow_persistent_secrets", "false"},
      {"temp_directory", spill_folder.string()},
  };
  bool known = true;
  for (const auto& [name, value] : settings) {
    known = known && duckdb.set_config(config, name, value.c_str()) == kDuckdbSuccess;
  }
  Session session(duckdb);
  char* message = nullptr;
  const char* name = path.empty() ? nullptr : path.c_str();
  const int opened = known ? duckdb.open_ext(name, &session.database_, config, &message) : 1;
  duckdb.destroy_config(&config);
  if (opened != kDuckdbSuccess) {
    auto error = DuckdbError(ErrorKind::kUnusable, known ? message : "this DuckDB lacks a setting");
    duckdb.free(message);
    return Wrap("open DuckDB " + std::string(duckdb.library_version()), std::move(error).value());
  }
  if (duckdb.connect(session.database_, &session.connection_) != kDuckdbSuccess) {
    return Temporary("connect to DuckDB: it refused");
  }
  // Else a TIMESTAMP without an offset would be in the zone of TZ, whoever has set that.
  TRY(session.Run("SET TimeZone = 'UTC'"));
  return session;
}

Session::Session(Session&& other) noexcept
    : duckdb_(other.duckdb_),
      database_(std::exchange(other.database_, nullptr)),
      connection_(std::exchange(other.connection_, nullptr)) {}

Session::~Session() {
  if (connection_ != nullptr) duckdb_.disconnect(&connection_);
  if (database_ != nullptr) duckdb_.close(&database_);
}

Result<Session::Table> Session::Run(const std::string& sql) {
  OwnedResult owned(duckdb_);
  if (duckdb_.query(connection_, sql.c_str(), &owned.result) != kDuckdbSuccess) {
    return DuckdbError(ErrorKind::kFailed, duckdb_.result_error(&owned.result));
  }
  std::vector<int> types(duckdb_.column_count(&owned.result));
  for (std::size_t i = 0; i < types.size(); ++i) types[i] = duckdb_.column_type(&owned.result, i);
  Table table;
  while (duckdb_data_chunk chunk = duckdb_.fetch_chunk(owned.result)) {
    AddChunk(duckdb_, chunk, types, table);
    duckdb_.destroy_data_chunk(&chunk);
  }
  return table;
}

Result<void> Session::Stream(const std::string& sql, const Take& take) {
  OwnedStatements extracted(duckdb_);
  OwnedPrepared prepared(duckdb_);
  OwnedPending pending(duckdb_);
  OwnedResult owned(duckdb_);
  if (duckdb_.extract_statements(connection_, sql.c_str(), &extracted.statements) != 1 ||
      duckdb_.prepare_extracted_statement(connection_, extracted.statements, 0,
                                          &prepared.statement) != kDuckdbSuccess) {
    return DuckdbError(ErrorKind::kFailed, duckdb_.prepare_error(prepared.statement));
  }
  if (duckdb_.pending_prepared_streaming(prepared.statement, &pending.pending) != kDuckdbSuccess ||
      duckdb_.execute_pending(pending.pending, &owned.result) != kDuckdbSuccess) {
    return DuckdbError(ErrorKind::kFailed, duckdb_.pending_error(pending.pending));
  }
  const std::uint64_t count = duckdb_.column_count(&owned.result);
  std::vector<ColumnChunk> columns;
  while (duckdb_data_chunk chunk = duckdb_.fetch_chunk(owned.result)) {
    columns.clear();
    for (std::uint64_t i = 0; i < count; ++i) {
      const duckdb_vector vector = duckdb_.data_chunk_get_vector(chunk, i);
      columns.emplace_back(duckdb_.vector_get_data(vector), duckdb_.vector_get_validity(vector));
    }
    const std::uint64_t rows = duckdb_.data_chunk_get_size(chunk);
    auto taken = rows > 0 ? take(rows, columns) : Result<void>();
    duckdb_.destroy_data_chunk(&chunk);
    TRY(taken);
  }
  // Where rows end, and where reading them failed, there is no more chunk.
  const char* const error = duckdb_.result_error(&owned.result);
  if (error != nullptr && *error != '\0') return DuckdbError(ErrorKind::kFailed, error);
  return {};
}

Result<void> Session::Seal(const std::vector<io::fs::path>& readable) {
  std::string paths;
  for (const io::fs::path& path : readable) {
    paths += (paths.empty() ? "" : ", ") + QuoteLiteral(path.string()) + ", " + QuotePath(path);
  }
  TRY(Run("SET allowed_paths = [" + paths +
          "]; SET enable_external_access = false; "
          "SET lock_configuration = true"));
  return {};
}

Result<Answer> Session::Ask(const std::string& sql, std::uint64_t rows_max) {
  if (sql.find('\0') != std::string::npos) return Invalid("a query is text, without zero bytes");
  OwnedStatements extracted(duckdb_);
  const std::uint64_t count =
      duckdb_.extract_statements(connection_, sql.c_str(), &extracted.statements);
  if (count == 0) {
    const char* const message = duckdb_.extract_statements_error(extracted.statements);
    if (message == nullptr || *message == '\0') return Invalid("the query is empty");
    return DuckdbError(ErrorKind::kInvalid, message);
  }
  if (count > 1) return OnlyQueries();
  OwnedPrepared prepared(duckdb_);
  if (duckdb_.prepare_extracted_statement(connection_, extracted.statements, 0,
                                          &prepared.statement) != kDuckdbSuccess) {
    return DuckdbError(ErrorKind::kInvalid, duckdb_.prepare_error(prepared.statement));
  }
  const int type = duckdb_.prepared_statement_type(prepared.statement);
  if (type == kDuckdbExplain) {
    // EXPLAIN ANALYZE runs what it explains: that has to be a query by itself.
    auto explained = WithoutWord(sql, "explain");
    if (explained) explained = WithoutWord(*explained, "analyze").value_or(*explained);
    if (!explained) return OnlyQueries();
    OwnedStatements inner(duckdb_);
    OwnedPrepared inner_prepared(duckdb_);
    if (duckdb_.extract_statements(connection_, explained->c_str(), &inner.statements) != 1 ||
        duckdb_.prepare_extracted_statement(connection_, inner.statements, 0,
                                            &inner_prepared.statement) != kDuckdbSuccess ||
        duckdb_.prepared_statement_type(inner_prepared.statement) != kDuckdbSelect) {
      return OnlyQueries();
    }
  } else if (type != kDuckdbSelect) {
    return OnlyQueries();
  }

  Answer answer;
  std::vector<int> types;
  std::string casts;
  std::string names;
  const std::uint64_t columns = duckdb_.prepared_statement_column_count(prepared.statement);
  for (std::uint64_t i = 0; i < columns; ++i) {
    const char* const name = duckdb_.prepared_statement_column_name(prepared.statement, i);
    answer.columns.emplace_back(name != nullptr ? name : "");
    duckdb_.free(const_cast<char*>(name));
    types.push_back(duckdb_.prepared_statement_column_type(prepared.statement, i));
    const std::string column = "c" + std::to_string(i);
    names += (i == 0 ? "" : ", ") + column;
    casts += (i == 0 ? "CAST(" : ", CAST(") + column + " AS VARCHAR)";
  }
  // query() takes the text of one SELECT and nothing else. Every value comes as text.
  const std::string limit =
      rows_max < UINT64_MAX / 2 ? " LIMIT " + std::to_string(rows_max + 1) : "";
  auto table = Run(type == kDuckdbExplain ? sql
                                          : "SELECT " + casts + " FROM query(" + QuoteLiteral(sql) +
                                                ") AS answer(" + names + ")" + limit);
  if (!table) {
    if (table.error().kind == ErrorKind::kFailed) table.error().kind = ErrorKind::kInvalid;
    return tl::unexpected(std::move(table).error());
  }
  for (auto& row : *table) {
    if (answer.rows.size() == rows_max) {
      answer.truncated = true;
      break;
    }
    std::vector<Value>& values = answer.rows.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i)
      values.push_back(MakeValue(std::move(row[i]), types[i]));
  }
  return answer;
}

}  // namespace busker::deliver
