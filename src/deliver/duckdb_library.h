// The part of DuckDB's stable C API that this room calls, found in the shared library at run time:
// the library is 70 MB, so nothing links it and only work on a warehouse opens it.
//
// The shapes below follow duckdb.h of 1.x (https://duckdb.org/docs/stable/clients/c/api).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "io/file.h"

namespace busker::deliver {

extern "C" {
// Opaque handles of the library.
typedef struct BuskerDuckdbDatabase* duckdb_database;
typedef struct BuskerDuckdbConnection* duckdb_connection;
typedef struct BuskerDuckdbConfig* duckdb_config;
typedef struct BuskerDuckdbStatements* duckdb_extracted_statements;
typedef struct BuskerDuckdbPrepared* duckdb_prepared_statement;
typedef struct BuskerDuckdbPending* duckdb_pending_result;
typedef struct BuskerDuckdbChunk* duckdb_data_chunk;
typedef struct BuskerDuckdbVector* duckdb_vector;

// Passed by value to fetch_chunk, so its size is part of the binary interface.
typedef struct {
  std::uint64_t deprecated_column_count;
  std::uint64_t deprecated_row_count;
  std::uint64_t deprecated_rows_changed;
  void* deprecated_columns;
  char* deprecated_error_message;
  void* internal_data;
} duckdb_result;

// A text in a vector: up to 12 bytes inline, longer ones behind the pointer.
typedef struct {
  std::uint32_t length;
  char prefix[4];
  const char* pointer;
} duckdb_string;
}

static_assert(sizeof(duckdb_result) == 48, "as in duckdb.h");
static_assert(sizeof(duckdb_string) == 16, "as in duckdb.h");

constexpr std::uint32_t kDuckdbStringInlineBytes = 12;

// Of duckdb_state, duckdb_type and duckdb_statement_type, the members that are compared with.
constexpr int kDuckdbSuccess = 0;
constexpr int kDuckdbBoolean = 1, kDuckdbTinyint = 2, kDuckdbBigint = 5, kDuckdbDouble = 11,
              kDuckdbHugeint = 16, kDuckdbVarchar = 17, kDuckdbDecimal = 19, kDuckdbUhugeint = 32,
              kDuckdbBignum = 35;
constexpr int kDuckdbSelect = 1, kDuckdbExplain = 4;

struct DuckdbLibrary {
  const char* (*library_version)();
  void (*free)(void*);
  int (*create_config)(duckdb_config*);
  int (*set_config)(duckdb_config, const char* name, const char* option);
  void (*destroy_config)(duckdb_config*);
  int (*open_ext)(const char* path, duckdb_database*, duckdb_config, char** error);
  void (*close)(duckdb_database*);
  int (*connect)(duckdb_database, duckdb_connection*);
  void (*disconnect)(duckdb_connection*);
  int (*query)(duckdb_connection, const char* sql, duckdb_result*);
  void (*destroy_result)(duckdb_result*);
  const char* (*result_error)(duckdb_result*);
  std::uint64_t (*column_count)(duckdb_result*);
  const char* (*column_name)(duckdb_result*, std::uint64_t column);
  int (*column_type)(duckdb_result*, std::uint64_t column);
  duckdb_data_chunk (*fetch_chunk)(duckdb_result);
  void (*destroy_data_chunk)(duckdb_data_chunk*);
  std::uint64_t (*data_chunk_get_size)(duckdb_data_chunk);
  duckdb_vector (*data_chunk_get_vector)(duckdb_data_chunk, std::uint64_t column);
  void* (*vector_get_data)(duckdb_vector);
  std::uint64_t* (*vector_get_validity)(duckdb_vector);  // a bit a row; null: all rows have a value
  std::uint64_t (*extract_statements)(duckdb_connection, const char* sql,
                                      duckdb_extracted_statements*);
  const char* (*extract_statements_error)(duckdb_extracted_statements);
  void (*destroy_extracted)(duckdb_extracted_statements*);
  int (*prepare_extracted_statement)(duckdb_connection, duckdb_extracted_statements,
                                     std::uint64_t index, duckdb_prepared_statement*);
  const char* (*prepare_error)(duckdb_prepared_statement);
  void (*destroy_prepare)(duckdb_prepared_statement*);
  int (*prepared_statement_type)(duckdb_prepared_statement);
  std::uint64_t (*prepared_statement_column_count)(duckdb_prepared_statement);
  const char* (*prepared_statement_column_name)(duckdb_prepared_statement,
                                                std::uint64_t);  // to free
  int (*prepared_statement_column_type)(duckdb_prepared_statement, std::uint64_t);
  int (*pending_prepared_streaming)(duckdb_prepared_statement, duckdb_pending_result*);
  const char* (*pending_error)(duckdb_pending_result);
  int (*execute_pending)(duckdb_pending_result, duckdb_result*);
  void (*destroy_pending)(duckdb_pending_result*);
};

// Opens the library, for the rest of the process. kUnusable when it is not there, is no DuckDB or
// lacks a function; the message names the path and says how to get it.
Result<DuckdbLibrary> OpenDuckdbLibrary(const io::fs::path& path);

}  // namespace busker::deliver
