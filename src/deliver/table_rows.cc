#include "deliver/table_rows.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "base/text.h"
#include "deliver/row_index.h"
#include "deliver/row_text.h"

namespace busker::deliver {
namespace {

using Clock = std::chrono::steady_clock;

// After a fault, files are looked at again so much later; and so often whether a log is the one
// that was read, and was not put back from a backup.
constexpr auto kLookAgain = std::chrono::seconds(1);

std::int64_t Ticks() { return Clock::now().time_since_epoch().count(); }

// Later in this order is newer.
bool IsOlder(const Part& a, const Part& b) { return a.scheduled_at < b.scheduled_at; }

tl::unexpected<Error> NotByKey(const std::string& table) {
  return NotFound("the rows of table " + table +
                  " are not asked for by key; key = [\"COLUMN\"] where the service file delivers "
                  "it, and the next delivery, let them be");
}

}  // namespace

// A file that was damaged may have been made anew since: it is opened again after a while.
class PartRows {
 public:
  PartRows(TableLog log, Part part) : log_(std::move(log)), part_(std::move(part)) {}

  const Part& part() const { return part_; }

  Result<std::shared_ptr<const RowFile>> Open() {
    const std::lock_guard lock(mutex_);
    if (file_) return file_;
    if (fault_ && Clock::now() < again_at_) return Unusable(*fault_);
    fault_ = log_.FaultOfRows(part_);
    if (fault_->empty()) {
      auto opened = RowFile::Open(log_.RowsPath(part_.delivery));
      if (opened) {
        fault_.reset();
        file_ = *std::move(opened);
        return file_;
      }
      fault_ = opened.error().message + "; busker fsck makes it anew";
    }
    again_at_ = Clock::now() + kLookAgain;
    return Unusable(*fault_);
  }

  // What is wrong was found in it.
  Error Close(const Error& found) {
    const std::lock_guard lock(mutex_);
    file_.reset();
    fault_ = log_.RowsPath(part_.delivery).string() + ": " + found.message +
             "; busker fsck makes it anew";
    again_at_ = Clock::now() + kLookAgain;
    return Error{ErrorKind::kUnusable, *fault_};
  }

 private:
  TableLog log_;
  Part part_;
  std::mutex mutex_;
  std::shared_ptr<const RowFile> file_;
  std::optional<std::string> fault_;
  Clock::time_point again_at_;
};

TableView::TableView(std::string table, TableState state,
                     std::vector<std::shared_ptr<PartRows>> parts)
    : table_(std::move(table)), parts_(std::move(parts)) {
  const KeyedRows& newest = *parts_.front()->part().keyed;
  max_age_ = newest.max_age;
  for (const std::string& name : newest.key) {
    const auto column = std::find_if(state.columns.begin(), state.columns.end(),
                                     [&](const Column& other) { return other.name == name; });
    key_.push_back(column != state.columns.end() ? *column : Column{name, "STRING"});
  }
  for (const auto& part : parts_) services_.insert(part->part().keyed->service);
}

Result<std::string> TableView::KeyText(std::span<const std::string> values) const {
  std::string text;
  for (std::size_t i = 0; i < key_.size(); ++i) {
    TRY(AddKeyText(key_[i], values[i], text));
    text += ',';
  }
  return text;
}

Result<void> TableView::CheckAge(Instant now) const {
  const Instant newest = parts_.front()->part().scheduled_at;
  if (!max_age_ || now - newest <= *max_age_) return {};
  return Temporary(fmt::format(
      "the newest rows of table {} are {} old (of {}), and no older ones than {} are answered "
      "(max_age); as_of=DATE answers those of a day",
      table_, FormatDuration(now - newest), FormatRfc3339(newest), FormatDuration(*max_age_)));
}

Result<std::optional<FoundRow>> TableView::Find(std::string_view key, const std::string& as_of,
                                                Instant now) const {
  FoundRow found;
  for (const auto& rows : parts_) {
    const Part& part = rows->part();
    if (!as_of.empty() && part.keyed->data_date > as_of) continue;
    if (as_of.empty() && max_age_ && now - part.scheduled_at > *max_age_) break;
    TRY_ASSIGN(const std::shared_ptr<const RowFile> file, rows->Open());
    const auto columns = file->index().key();
    if (!std::equal(columns.begin(), columns.end(), key_.begin(), key_.end())) continue;
    const auto has = file->index().Find(key, found.json);
    if (!has) return tl::unexpected(rows->Close(has.error()));
    if (!*has) continue;
    found.part = &part;
    return found;
  }
  return std::nullopt;
}

namespace {

// Which file is at a path.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  timespec changed{};

  static Identity Of(const io::fs::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {};
    return {info.st_dev, info.st_ino, info.st_mtim};
  }
  bool operator==(const Identity& other) const {
    return device == other.device && inode == other.inode &&
           changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
  }
};

// A table, as it was when it was last read.
class TableRows {
 public:
  explicit TableRows(TableLog log) : log_(std::move(log)) {}

  Result<std::shared_ptr<const TableView>> Look() {
    if (const auto seen = Seen(); seen && IsCurrent(*seen)) return Told(*seen);
    const std::lock_guard lock(reading_);
    const auto seen = Seen();  // another thread may have read it meanwhile
    if (seen && IsCurrent(*seen)) return Told(*seen);
    const auto read = Read();
    const std::lock_guard swapping(mutex_);
    seen_ = read;
    return Told(*read);
  }

 private:
  struct Reading {
    std::shared_ptr<const TableView> view;
    std::optional<Error> error;  // instead
    io::Descriptor folder;       // of its log
    std::string next;            // the file there that the next change will be
    io::fs::path head;           // the file of the last
    Identity identity;           // of the head
    mutable std::atomic<std::int64_t> looked_at{0};
  };

  static Result<std::shared_ptr<const TableView>> Told(const Reading& read) {
    if (read.error) return tl::unexpected(*read.error);
    return read.view;
  }

  std::shared_ptr<const Reading> Seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  // Changes are numbered without a gap, so the state is the last while there is no next file.
  static bool IsCurrent(const Reading& read) {
    const int folder = read.folder.valid() ? read.folder.get() : AT_FDCWD;
    if (::faccessat(folder, read.next.c_str(), F_OK, 0) == 0) return false;
    const std::int64_t now = Ticks();
    if (now - read.looked_at.load(std::memory_order_relaxed) <
        std::chrono::nanoseconds(kLookAgain).count()) {
      return true;
    }
    if (read.error || !(Identity::Of(read.head) == read.identity)) return false;
    read.looked_at.store(now, std::memory_order_relaxed);
    return true;
  }

  std::shared_ptr<const Reading> Read() {
    auto read = std::make_shared<Reading>();
    read->looked_at = Ticks();
    auto state = log_.State();
    const std::uint64_t number = state ? state->number : 0;
    read->head = log_.ChangePath(number);
    const io::fs::path next = log_.ChangePath(number + 1);
    auto folder = io::Open(next.parent_path(), O_PATH | O_DIRECTORY);
    if (folder) read->folder = *std::move(folder);
    read->next = folder ? next.filename().string() : next.string();
    read->identity = Identity::Of(read->head);
    if (!state) {
      read->error = state.error();
      // Nothing is known of which change would be the next: it is read again after a while.
      read->next = ".none";
      return read;
    }
    auto view = ViewOf(*std::move(state));
    if (view) {
      read->view = *std::move(view);
    } else {
      read->error = view.error();
    }
    return read;
  }

  Result<std::shared_ptr<const TableView>> ViewOf(TableState state) {
    if (state.parts.empty()) return NotFound("there is no table " + log_.table());
    std::vector<const Part*> newest_first;
    for (const Part& part : state.parts) newest_first.push_back(&part);
    std::reverse(newest_first.begin(), newest_first.end());
    std::stable_sort(newest_first.begin(), newest_first.end(),
                     [](const Part* a, const Part* b) { return IsOlder(*b, *a); });
    if (!newest_first.front()->keyed) return NotByKey(log_.table());
    std::map<std::string, std::shared_ptr<PartRows>> kept;
    std::vector<std::shared_ptr<PartRows>> parts;
    for (const Part* part : newest_first) {
      if (!part->keyed || part->keyed->key != newest_first.front()->keyed->key) continue;
      std::shared_ptr<PartRows>& rows = kept[part->delivery];
      if (const auto there = open_.find(part->delivery);
          there != open_.end() && there->second->part() == *part) {
        rows = there->second;
      } else {
        rows = std::make_shared<PartRows>(log_, *part);
      }
      parts.push_back(rows);
    }
    open_ = std::move(kept);
    return std::make_shared<const TableView>(log_.table(), std::move(state), std::move(parts));
  }

  TableLog log_;
  std::mutex reading_;                                     // who reads the log
  std::map<std::string, std::shared_ptr<PartRows>> open_;  // by delivery; of who reads
  std::mutex mutex_;                                       // of seen_
  std::shared_ptr<const Reading> seen_;
};

}  // namespace

struct TableReader::Tables {
  io::fs::path warehouse;
  std::shared_mutex mutex;
  std::map<std::string, std::unique_ptr<TableRows>, std::less<>> tables;

  TableRows* Find(const std::string& table) {
    const std::shared_lock lock(mutex);
    const auto found = tables.find(table);
    return found == tables.end() ? nullptr : found->second.get();
  }
};

TableReader::TableReader(io::fs::path warehouse) : tables_(std::make_unique<Tables>()) {
  tables_->warehouse = std::move(warehouse);
}
TableReader::~TableReader() = default;

Result<std::shared_ptr<const TableView>> TableReader::Look(const std::string& table) {
  if (TableRows* const known = tables_->Find(table); known != nullptr) return known->Look();
  const auto none = NotFound("there is no table " + Printable(table.substr(0, 200)));
  if (!CheckTableName(table)) return none;
  TableLog log(tables_->warehouse, table);
  std::error_code error;
  if (!io::fs::exists(log.folder() / "log", error)) return none;
  TableRows* made = nullptr;
  {
    const std::unique_lock lock(tables_->mutex);
    std::unique_ptr<TableRows>& entry = tables_->tables[table];
    if (!entry) entry = std::make_unique<TableRows>(std::move(log));
    made = entry.get();
  }
  return made->Look();
}

}  // namespace busker::deliver
