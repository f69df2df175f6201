#include "deliver/duckdb_library.h"

#include <dlfcn.h>

#include <string>
#include <string_view>

namespace busker::deliver {
namespace {

constexpr std::string_view kRemedy =
    "; run script/setup, which fetches the version this Busker uses";

template <typename Function>
bool Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace

Result<DuckdbLibrary> OpenDuckdbLibrary(const io::fs::path& path) {
  std::error_code error;
  if (!io::fs::is_regular_file(path, error)) {
    return Unusable("no DuckDB library at " + path.string() + std::string(kRemedy));
  }
  // An absolute path, so that dlopen never searches the system's folders for it.
  void* const library = dlopen(io::fs::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Unusable("open the DuckDB library " + path.string() + ": " + dlerror() +
                    std::string(kRemedy));
  }
  DuckdbLibrary duckdb{};
  const char* missing = nullptr;
#define BUSKER_FIND(member)                                                   \
  if (!Find(library, "duckdb_" #member, duckdb.member) && missing == nullptr) \
  missing = "duckdb_" #member
  BUSKER_FIND(library_version);
  BUSKER_FIND(free);
  BUSKER_FIND(create_config);
  BUSKER_FIND(set_config);
  BUSKER_FIND(destroy_config);
  BUSKER_FIND(open_ext);
  BUSKER_FIND(close);
  BUSKER_FIND(connect);
  BUSKER_FIND(disconnect);
  BUSKER_FIND(query);
  BUSKER_FIND(destroy_result);
  BUSKER_FIND(result_error);
  BUSKER_FIND(column_count);
  BUSKER_FIND(column_name);
  BUSKER_FIND(column_type);
  BUSKER_FIND(fetch_chunk);
  BUSKER_FIND(destroy_data_chunk);
  BUSKER_FIND(data_chunk_get_size);
  BUSKER_FIND(data_chunk_get_vector);
  BUSKER_FIND(vector_get_data);
  BUSKER_FIND(vector_get_validity);
  BUSKER_FIND(extract_statements);
  BUSKER_FIND(extract_statements_error);
  BUSKER_FIND(destroy_extracted);
  BUSKER_FIND(prepare_extracted_statement);
  BUSKER_FIND(prepare_error);
  BUSKER_FIND(destroy_prepare);
  BUSKER_FIND(prepared_statement_type);
  BUSKER_FIND(prepared_statement_column_count);
  BUSKER_FIND(prepared_statement_column_name);
  BUSKER_FIND(prepared_statement_column_type);
  BUSKER_FIND(pending_prepared_streaming);
  BUSKER_FIND(pending_error);
  BUSKER_FIND(execute_pending);
  BUSKER_FIND(destroy_pending);
#undef BUSKER_FIND
  if (missing != nullptr) {
    dlclose(library);
    return Unusable("the library " + path.string() + " has no function " + missing +
                    ": it is not DuckDB, or too old" + std::string(kRemedy));
  }
  return duckdb;
}

}  // namespace busker::deliver
