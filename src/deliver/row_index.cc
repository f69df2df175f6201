#include "deliver/row_index.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <bit>
#include <cstring>

#include "base/json_object.h"
#include "deliver/row_index_format.h"
#include "deliver/row_text.h"
#include "io/crc32c.h"

namespace busker::deliver {
namespace {

using namespace row_format;

constexpr std::size_t kFooterBytesMax = 4u << 20;

static_assert(std::endian::native == std::endian::little, "numbers are read as they are");

template <typename T>
T NumberAt(std::string_view bytes, std::uint64_t at) {
  T number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

tl::unexpected<Error> Damaged(const char* what) {
  return Unusable(std::string("it is damaged (") + what + ")");
}

Result<Column> ColumnFrom(const nlohmann::ordered_json& json) {
  Column column;
  JsonObject in(json, "column");
  in.Get("name", column.name);
  in.Get("type", column.type);
  TRY(in.Done());
  return column;
}

Result<RowIndexHead> HeadFrom(std::string_view footer) {
  const auto json = ParseOwnJson(footer, "footer");
  if (!json) return Damaged("its footer is not JSON");
  RowIndexHead head;
  std::uint64_t format = 0, key = 0;
  JsonObject in(*json, "footer");
  in.Get("format", format);
  in.Get("rows", head.rows);
  in.Get("slots", head.slots);
  in.Get("slots_at", head.slots_at);
  in.Get("seed", head.seed);
  in.Get("key", key);
  in.GetEach("columns", head.columns, ColumnFrom);
  if (format > kFormat) return Unusable("it is from a newer Busker");
  if (!in.Done() || format != kFormat || key == 0 || key > head.columns.size()) {
    return Damaged("its footer is none");
  }
  head.key = static_cast<std::size_t>(key);
  return head;
}

// The end of the value that begins `values`; npos: it has none.
std::size_t EndOfValue(std::string_view values) {
  if (!values.starts_with('"')) return values.find(',');
  std::size_t at = 1;
  for (;;) {
    at = values.find_first_of("\"\\", at);
    if (at == std::string_view::npos) return at;
    if (values[at] == '"') return values.find(',', at);
    at += 2;
  }
}

}  // namespace

std::uint64_t HashOf(std::string_view key, std::uint64_t seed) {
  constexpr std::uint64_t kOdd[] = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9};
  std::uint64_t hash = seed ^ kOdd[0];
  std::size_t at = 0;
  for (; at + 8 <= key.size(); at += 8) {
    hash = Folded(hash ^ NumberAt<std::uint64_t>(key, at), kOdd[1]);
  }
  std::uint64_t rest = 0;
  if (at < key.size()) std::memcpy(&rest, key.data() + at, key.size() - at);
  hash = Folded(hash ^ rest, kOdd[2]);
  return Folded(hash ^ key.size(), kOdd[0]);
}

Result<RowIndex> RowIndex::Over(std::string_view bytes) {
  const std::uint64_t end = sizeof kMagic - 1 + kEndBytes;
  if (bytes.size() < end || !bytes.starts_with(kMagic)) return Damaged("it does not begin as one");
  const auto footer_bytes = NumberAt<std::uint32_t>(bytes, bytes.size() - kEndBytes);
  if (footer_bytes > kFooterBytesMax || footer_bytes > bytes.size() - end) {
    return Damaged("its footer has another size");
  }
  const std::uint64_t footer_at = bytes.size() - kEndBytes - footer_bytes;
  const std::string_view footer = bytes.substr(footer_at, footer_bytes);
  if (io::Crc32cOf(footer) != NumberAt<std::uint32_t>(bytes, bytes.size() - 4)) {
    return Damaged("the checksum of its footer differs");
  }
  RowIndex index;
  index.bytes_ = bytes;
  TRY_ASSIGN(index.head_, HeadFrom(footer));
  const RowIndexHead& head = index.head_;
  const bool fits = head.slots > 0 && head.slots <= footer_at / 8 && head.rows < head.slots &&
                    head.slots_at % 8 == 0 && head.slots_at >= sizeof kMagic - 1 &&
                    head.slots_at == footer_at - head.slots * 8;
  if (!fits) return Damaged("its parts do not fit together");
  for (const Column& column : head.columns) {
    std::string name = index.names_.empty() ? "{" : ",";
    AddJsonText(column.name, name);
    index.names_.push_back(name + ":");
    index.names_bytes_ += index.names_.back().size();
  }
  return index;
}

Result<bool> RowIndex::Find(std::string_view key, std::string& json) const {
  const std::uint64_t hash = HashOf(key, head_.seed);
  const std::uint64_t tag = TagOf(hash);
  std::uint64_t place = PlaceOf(hash, head_.slots);
  for (std::uint64_t probe = 0; probe < kProbesMax; ++probe) {
    const auto slot = NumberAt<std::uint64_t>(bytes_, head_.slots_at + place * 8);
    if (slot == 0) return false;
    if (++place == head_.slots) place = 0;
    if (slot >> kOffsetBits != tag) continue;
    const std::uint64_t at = slot & kOffsetMask;
    if (at > head_.slots_at - kRecordBytes) return Damaged("a slot names no row");
    const auto size = NumberAt<std::uint32_t>(bytes_, at);
    if (size > head_.slots_at - at - kRecordBytes) return Damaged("a row is longer than the file");
    const std::string_view values = bytes_.substr(at + kRecordBytes, size);
    if (!values.starts_with(key)) continue;
    if (io::Crc32cOf(values) != NumberAt<std::uint32_t>(bytes_, at + 4)) {
      return Damaged("the checksum of a row differs");
    }
    TRY(AddRow(values, json));
    return true;
  }
  return Damaged("it has no free slots");
}

Result<void> RowIndex::AddRow(std::string_view values, std::string& json) const {
  if (json.empty()) json.reserve(values.size() + names_bytes_ + 1);
  for (const std::string& name : names_) {
    const std::size_t end = EndOfValue(values);
    if (end == std::string_view::npos) return Damaged("a row has too few values");
    json += name;
    json.append(values, 0, end);
    values.remove_prefix(end + 1);
  }
  json += '}';
  if (!values.empty()) return Damaged("a row has too many values");
  return {};
}

Result<std::unique_ptr<const RowFile>> RowFile::Open(const io::fs::path& path) {
  TRY_ASSIGN(const io::Descriptor fd, io::Open(path, O_RDONLY));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return SystemError("read " + path.string(), errno);
  if (!S_ISREG(info.st_mode) || info.st_size == 0) {
    return Unusable(path.string() + ": it is damaged (it is empty)");
  }
  std::unique_ptr<RowFile> file(new RowFile);
  file->size_ = static_cast<std::size_t>(info.st_size);
  void* const bytes = ::mmap(nullptr, file->size_, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (bytes == MAP_FAILED) return SystemError("map " + path.string(), errno);
  file->bytes_ = bytes;
  auto index = RowIndex::Over({static_cast<const char*>(bytes), file->size_});
  if (!index) return Wrap(path.string(), std::move(index).error());
  file->index_ = *std::move(index);
  return std::unique_ptr<const RowFile>(std::move(file));
}

RowFile::~RowFile() {
  if (bytes_ != nullptr) ::munmap(bytes_, size_);
}

}  // namespace busker::deliver
