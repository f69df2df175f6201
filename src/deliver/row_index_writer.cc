#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "deliver/row_index.h"
#include "deliver/row_index_format.h"
#include "io/crc32c.h"

namespace busker::deliver {

using namespace row_format;

namespace {

constexpr std::size_t kBufferBytes = 8u << 20;

template <typename T>
void AddNumber(T number, std::string& to) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  to.append(bytes, sizeof number);
}

std::string FooterOf(const RowIndexHead& head) {
  nlohmann::ordered_json columns = nlohmann::ordered_json::array();
  for (const Column& column : head.columns) {
    columns.push_back({{"name", column.name}, {"type", column.type}});
  }
  const nlohmann::ordered_json footer = {{"format", kFormat},
                                         {"rows", head.rows},
                                         {"slots", head.slots},
                                         {"slots_at", head.slots_at},
                                         {"seed", head.seed},
                                         {"key", head.key},
                                         {"columns", std::move(columns)}};
  return footer.dump();
}

}  // namespace

// What is full is digested and written beside the making of more.
struct RowIndexWriter::State {
  io::fs::path path;
  RowIndexHead head;
  io::Descriptor fd;
  std::vector<std::uint64_t> slots;
  std::uint64_t added = 0;
  std::string buffer, leaving;
  std::uint64_t buffer_at = 0;  // of its first byte, in the file
  std::future<Result<void>> writing;
  io::FileHash hash;

  std::uint64_t end() const { return buffer_at + buffer.size(); }

  Result<void> Wait() { return writing.valid() ? writing.get() : Result<void>(); }

  Result<void> Flush() {
    TRY(Wait());
    leaving.swap(buffer);
    buffer.clear();
    buffer_at += leaving.size();
    writing = std::async(std::launch::async, [this] {
      hash.Add(leaving);
      return io::WriteAll(fd.get(), leaving, path);
    });
    return {};
  }

  Result<void> FlushFull() { return buffer.size() < kBufferBytes ? Result<void>() : Flush(); }

  // So many bytes at `at`, wherever they are now.
  Result<void> Read(std::uint64_t at, std::size_t size, char* to) {
    if (at >= buffer_at && at + size <= end()) {
      std::memcpy(to, buffer.data() + (at - buffer_at), size);
      return {};
    }
    TRY(Wait());
    const ssize_t got = ::pread(fd.get(), to, size, static_cast<off_t>(at));
    if (got < 0) return SystemError("read " + path.string(), errno);
    if (static_cast<std::size_t>(got) == size) return {};
    return Failed(path.string() + " was changed while it was written");
  }

  // Whether the record at `at` begins with `key`.
  Result<bool> Begins(std::uint64_t at, std::string_view key) {
    std::uint32_t size = 0;
    TRY(Read(at, sizeof size, reinterpret_cast<char*>(&size)));
    if (size < key.size()) return false;
    std::string bytes(key.size(), '\0');
    TRY(Read(at + kRecordBytes, bytes.size(), bytes.data()));
    return bytes == key;
  }

  // The number of the row whose record is at `wanted`.
  Result<std::uint64_t> NumberAt(std::uint64_t wanted) {
    std::uint64_t number = 1;
    for (std::uint64_t at = sizeof kMagic - 1; at < wanted; ++number) {
      std::uint32_t size = 0;
      TRY(Read(at, sizeof size, reinterpret_cast<char*>(&size)));
      at += kRecordBytes + size;
    }
    return number;
  }
};

RowIndexWriter::RowIndexWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

RowIndexWriter::~RowIndexWriter() { (void)state_->Wait(); }

Result<std::unique_ptr<RowIndexWriter>> RowIndexWriter::Create(const io::fs::path& path,
                                                               RowIndexHead head) {
  CHECK(head.key > 0 && head.key <= head.columns.size(), "a key is of columns");
  auto state = std::make_unique<State>();
  state->path = path;
  // Whoever restores it by writing over it would cut it under those who have it mapped.
  TRY_ASSIGN(state->fd, io::Open(path, O_RDWR | O_CREAT | O_EXCL, 0444));
  head.slots = head.rows + head.rows / 3 + 8;
  try {
    state->slots.resize(head.slots);
  } catch (const std::exception&) {
    return Temporary(fmt::format("there is not enough memory for the keys of {} rows", head.rows));
  }
  state->head = std::move(head);
  state->buffer.reserve(kBufferBytes + (1u << 20));
  state->leaving.reserve(kBufferBytes + (1u << 20));
  state->buffer = kMagic;
  return std::unique_ptr<RowIndexWriter>(new RowIndexWriter(std::move(state)));
}

Result<std::optional<std::uint64_t>> RowIndexWriter::Add(std::string_view values,
                                                         std::size_t key_bytes) {
  State& state = *state_;
  if (state.added == state.head.rows) return Failed("there are more rows than were announced");
  const std::string_view key = values.substr(0, key_bytes);
  const std::uint64_t hash = HashOf(key, state.head.seed), tag = TagOf(hash);
  const std::uint64_t offset = state.end();
  if (offset + kRecordBytes + values.size() > kOffsetMask) {
    return Invalid("a delivery by key has at most 1 TiB of rows");
  }
  std::uint64_t place = PlaceOf(hash, state.head.slots);
  for (std::uint64_t probe = 0;; ++probe) {
    if (probe == kProbesMax)
      return Failed("the keys of this delivery cannot be told apart by hash");
    const std::uint64_t slot = state.slots[place];
    if (slot == 0) break;
    if (++place == state.head.slots) place = 0;
    if (slot >> kOffsetBits != tag) continue;
    const std::uint64_t there = slot & kOffsetMask;
    TRY_ASSIGN(const bool same, state.Begins(there, key));
    if (!same) continue;
    TRY_ASSIGN(const std::uint64_t number, state.NumberAt(there));
    return number;
  }
  state.slots[place] = tag << kOffsetBits | offset;
  AddNumber(static_cast<std::uint32_t>(values.size()), state.buffer);
  AddNumber(io::Crc32cOf(values), state.buffer);
  state.buffer += values;
  ++state.added;
  TRY(state.FlushFull());
  return std::nullopt;
}

Result<io::FileDigest> RowIndexWriter::Finish() {
  State& state = *state_;
  if (state.added != state.head.rows) return Failed("there are fewer rows than were announced");
  state.buffer.resize(state.buffer.size() + (8 - state.end() % 8) % 8);
  state.head.slots_at = state.end();
  for (const std::uint64_t slot : state.slots) {
    AddNumber(slot, state.buffer);
    TRY(state.FlushFull());
  }
  const std::string footer = FooterOf(state.head);
  state.buffer += footer;
  AddNumber(static_cast<std::uint32_t>(footer.size()), state.buffer);
  AddNumber(io::Crc32cOf(footer), state.buffer);
  TRY(state.Flush());
  TRY(state.Wait());
  if (fsync(state.fd.get()) != 0) return SystemError("sync " + state.path.string(), errno);
  return state.hash.Finish();
}

}  // namespace busker::deliver
