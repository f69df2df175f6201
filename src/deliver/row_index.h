// The rows of one delivery by their key: parts/DELIVERY.rows, beside the Parquet file that it is
// made from. It is written once, before the delivery is committed, and mapped into memory by those
// who read it.
//
//   "BuskRows"                       8 bytes
//   a record for each row            u32 bytes of its values, u32 CRC-32C of them, the values
//   zeros                            up to a multiple of 8
//   a slot for each place            u64: 24 bits of the key's hash, 40 bits of a record's offset
//   the footer, JSON                 {"format", "rows", "slots", "slots_at", "seed", "key",
//                                     "columns": [{"name", "type"}, ...]}
//   its end                          u32 bytes of the footer, u32 CRC-32C of them
//
// Numbers are little-endian. The values of a record are JSON texts, each with a comma behind it,
// those of the key (`key` columns, the first ones) before the others: so the text of a key is how a
// record begins, and keys are compared whole. The hash (HashOf) of a key says where to look first:
// at slot hash * slots / 2^64, then at those behind it, round the end, until one that is 0. The
// same part and the same `seed` give the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "deliver/warehouse.h"
#include "io/digest.h"
#include "io/file.h"

namespace busker::deliver {

struct RowIndexHead {
  std::uint64_t rows = 0, slots = 0, slots_at = 0, seed = 0;
  std::size_t key = 0;          // so many columns
  std::vector<Column> columns;  // in the order of the records
};

std::uint64_t HashOf(std::string_view key, std::uint64_t seed);

// Reads one. Everything that is read is checked, since a file may be damaged: then the answer is
// kUnusable. Any number of threads at once.
class RowIndex {
 public:
  // `bytes` outlive it.
  static Result<RowIndex> Over(std::string_view bytes);

  const RowIndexHead& head() const { return head_; }
  std::span<const Column> key() const { return std::span(head_.columns).first(head_.key); }

  // Appends the row with this key to `json`, as an object; false: there is none. `key`: its values
  // as AddKeyText writes them, a comma behind each.
  Result<bool> Find(std::string_view key, std::string& json) const;

 private:
  Result<void> AddRow(std::string_view values, std::string& json) const;

  std::string_view bytes_;
  RowIndexHead head_;
  std::vector<std::string> names_;  // {"a":   ,"b":
  std::size_t names_bytes_ = 0;
};

// A file of them, mapped.
class RowFile {
 public:
  static Result<std::unique_ptr<const RowFile>> Open(const io::fs::path& path);
  ~RowFile();
  RowFile(const RowFile&) = delete;
  RowFile& operator=(const RowFile&) = delete;

  const RowIndex& index() const { return *index_; }

 private:
  RowFile() = default;

  void* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::optional<RowIndex> index_;
};

// Writes one. A place in the table of slots costs 8 bytes of memory, and there are four for three
// rows.
class RowIndexWriter {
 public:
  // `head` has rows, seed, key and columns. The file at `path` is new.
  static Result<std::unique_ptr<RowIndexWriter>> Create(const io::fs::path& path,
                                                        RowIndexHead head);
  ~RowIndexWriter();

  // The next row; the first `key_bytes` of its values are the key's. nullopt: it is in; else the
  // number (from 1) of the row that has this key already.
  Result<std::optional<std::uint64_t>> Add(std::string_view values, std::size_t key_bytes);

  // After as many as were said; kFailed otherwise. The file is durable, but for its name.
  Result<io::FileDigest> Finish();

 private:
  struct State;
  explicit RowIndexWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace busker::deliver
