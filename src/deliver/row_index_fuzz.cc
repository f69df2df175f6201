// Fuzzes the reading of rows by key. Input: a key, as its length and its bytes, and the file. When
// the file is one, every slot of it is looked at, too, by keys that are in it.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "deliver/row_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const std::size_t length = static_cast<std::uint8_t>(input.front()) % 64;
  input.remove_prefix(1);
  const std::string key(input.substr(0, length));
  input.remove_prefix(key.size());
  const std::string file(input);  // of exactly this size: a byte too far is seen
  const auto index = busker::deliver::RowIndex::Over(file);
  if (!index) return 0;
  std::string json;
  if (const auto found = index->Find(key, json); found && *found && json.back() != '}')
    std::abort();
  for (std::size_t at = 0; at < file.size() && at < 256; ++at) {
    json.clear();
    (void)index->Find(std::string_view(file).substr(at, 5), json);
  }
  return 0;
}
