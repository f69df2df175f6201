#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <random>

#include "deliver/csv_file.h"
#include "deliver/duckdb_session.h"
#include "deliver/published.h"
#include "deliver/table_log.h"
#include "deliver/table_rows.h"
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

struct Syncs {
  std::mutex mutex;
  std::optional<std::vector<std::string>> paths;  // none: nobody asks
} syncs;

}  // namespace

// In the place of libc's, for the whole program: what is synced is noted, and synced.
extern "C" int fsync(int fd) {
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
  const int result = static_cast<int>(syscall(SYS_fsync, fd));
  const std::lock_guard lock(syncs.mutex);
  if (syncs.paths && result == 0) syncs.paths->push_back(path.string());
  return result;
}

namespace {

Result<std::unique_ptr<Warehouse>> OpenAt(const fs::path& folder) {
  return OpenWarehouse("embedded://" + folder.string(), DuckdbPath());
}

Result<Answer> AllRows(Warehouse& warehouse, const std::string& table) {
  TRY_ASSIGN(const std::vector<Delivery> deliveries, warehouse.Deliveries(table));
  std::string columns;
  for (auto delivery = deliveries.rbegin(); delivery != deliveries.rend(); ++delivery) {
    if (!delivery->current) continue;
    for (const Column& column : delivery->columns) {
      const std::string name = QuoteName(column.name);
      columns += (columns.empty() ? "" : ", ");
      columns += column.type == "BYTES" ? "to_base64(" + name + ")" : name;
    }
    break;
  }
  return warehouse.Query("SELECT " + (columns.empty() ? "*" : columns) + " FROM " + table, 1000);
}

INSTANTIATE_TEST_SUITE_P(Embedded, WarehouseConformance,
                         testing::Values(Backend{"embedded", OpenAt, AllRows}),
                         testing::PrintToStringParamName());

// The paths that `act` had the system sync, in their order.
std::vector<std::string> SyncedDuring(const std::function<void()>& act) {
  {
    const std::lock_guard lock(syncs.mutex);
    syncs.paths.emplace();
  }
  act();
  const std::lock_guard lock(syncs.mutex);
  return *std::exchange(syncs.paths, std::nullopt);
}

class EmbeddedWarehouse : public testing::Test, public WarehouseTest {
 protected:
  EmbeddedWarehouse() : warehouse_(*OpenAt(place())), duckdb_(*OpenDuckdbLibrary(DuckdbPath())) {}

  Warehouse& warehouse() { return *warehouse_; }
  Delivery Deliver(const Request& request) {
    auto delivery = warehouse_->Deliver(request);
    EXPECT_TRUE(delivery) << delivery.error().message;
    return delivery ? *delivery : Delivery{};
  }
  Result<Session> OpenDatabase() {
    return Session::Open(duckdb_, place() / "warehouse.duckdb", folder() / "spill");
  }
  // What a person sees who opens the database now.
  std::string Seen(
      const std::string& sql =
          "SELECT string_agg(CAST(id AS VARCHAR), ' ' ORDER BY id) FROM game.predictions") {
    auto session = OpenDatabase();
    if (!session) return "error: " + session.error().message;
    auto rows = session->Run(sql);
    return rows ? rows->at(0).at(0).value_or("NULL") : "error: " + rows.error().message;
  }
  fs::path TableFolder() { return place() / "game" / "predictions"; }
  std::size_t FilesBelow(const fs::path& below) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(below))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  std::unique_ptr<Warehouse> warehouse_;
  DuckdbLibrary duckdb_;
};

TEST_F(EmbeddedWarehouse, ShowsEveryDeliveryAndUndoInTheDatabase) {
  Deliver(Asking("one", "id\n1\n"));
  EXPECT_EQ(Seen(), "1");
  Deliver(Asking("two", "id\n2\n3\n", 2));
  EXPECT_EQ(Seen(), "2 3");
  ASSERT_TRUE(warehouse().Undo("two"));
  EXPECT_EQ(Seen(), "1");
  ASSERT_TRUE(warehouse().Undo("one"));
  EXPECT_NE(Seen().find("does not exist"), std::string::npos);
}

TEST_F(EmbeddedWarehouse, KeepsACurrentFolderForAnyParquetReader) {
  Request request = Asking("one", "id\n1\n");
  request.write = Write::kAppend;
  Deliver(request);
  request = Asking("two", "id\n2\n", 2);
  request.write = Write::kAppend;
  Deliver(request);
  const fs::path current = TableFolder() / "current";
  EXPECT_EQ(FilesBelow(current), 2U);
  EXPECT_TRUE(fs::equivalent(current / "two.parquet", TableFolder() / "parts" / "two.parquet"));
  ASSERT_TRUE(warehouse().Undo("two"));
  ASSERT_TRUE(warehouse().Undo("one"));
  EXPECT_FALSE(fs::exists(current));
}

TEST_F(EmbeddedWarehouse, DeliversWhileAPersonHasTheDatabaseOpenAndWritesToIt) {
  Deliver(Asking("one", "id\n1\n"));
  {
    auto person = OpenDatabase();
    ASSERT_TRUE(person) << person.error().message;
    ASSERT_TRUE(person->Run("CREATE TABLE mine AS SELECT 1 AS x"));
    Deliver(Asking("two", "id\n2\n", 2));
    ASSERT_TRUE(person->Run("INSERT INTO mine VALUES (2)"));
    EXPECT_EQ(person->Run("SELECT id FROM game.predictions")->at(0).at(0), "1");
    EXPECT_EQ(Seen(), "2") << "a log that the person writes is not taken for the new database's";
    EXPECT_NE(Seen("SELECT x FROM mine").find("error"), std::string::npos);
  }
  EXPECT_EQ(Seen(), "2");
  EXPECT_EQ(FilesBelow(place()), 2U) << "the lock, the database and nothing else";
}

// A reader that had just followed a link found nothing there: of a table that is delivered to once
// a day, what was replaced is old at once.
TEST_F(EmbeddedWarehouse, KeepsWhatIsReplacedForAnHourFromThenOn) {
  const auto age = [](const fs::path& path) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(25));
  };
  const auto target = [](const fs::path& link) {
    return link.parent_path() / fs::read_symlink(link);
  };
  Deliver(Asking("one", "id\n1\n"));
  const fs::path snapshot = target(TableFolder() / "current");
  const fs::path database = target(place() / "warehouse.duckdb");
  age(snapshot);
  age(database);
  Deliver(Asking("two", "id\n2\n", 2));
  EXPECT_TRUE(fs::exists(snapshot / "one.parquet"));
  EXPECT_TRUE(fs::exists(database));
  age(snapshot);
  age(database);
  Deliver(Asking("three", "id\n3\n", 3));
  EXPECT_FALSE(fs::exists(snapshot));
  EXPECT_FALSE(fs::exists(database));
}

// With the change in the log first, a power cut left a table that named rows which were not there.
TEST_F(EmbeddedWarehouse, SyncsTheRowsAndTheirFolderBeforeTheCommit) {
  Deliver(Asking("one", "id\n1\n"));
  const std::vector<std::string> synced =
      SyncedDuring([&] { Deliver(Asking("two", "id\n2\n", 2)); });
  const auto where = [&](const std::string& part) {
    const auto found = std::find_if(synced.begin(), synced.end(), [&](const std::string& path) {
      return path.find("/game/predictions/" + part) != std::string::npos;
    });
    EXPECT_NE(found, synced.end()) << part;
    return found - synced.begin();
  };
  const auto folder = std::find_if(synced.begin(), synced.end(), [](const std::string& path) {
    return path.ends_with("/game/predictions/parts");
  });
  ASSERT_NE(folder, synced.end());
  EXPECT_LT(where("parts/"), folder - synced.begin()) << "the rows, then their name";
  EXPECT_LT(folder - synced.begin(), where("log/")) << "then the change";
  EXPECT_TRUE(std::any_of(synced.begin(), synced.end(), [](const std::string& path) {
    return path.ends_with("/game/predictions/log");
  })) << "and its name";
}

TEST_F(EmbeddedWarehouse, SyncsTheRowsByKeyAndTheirNameBeforeTheCommit) {
  Request request = Asking("one", "id\n1\n");
  request.key = {"id"};
  const std::vector<std::string> synced = SyncedDuring([&] { Deliver(request); });
  const auto of = [&](const std::string& part) {
    return std::find_if(synced.begin(), synced.end(), [&](const std::string& path) {
      return path.find("/game/predictions/" + part) != std::string::npos;
    });
  };
  const auto rows = of("parts/.tmp-rows"), commit = of("log/");
  ASSERT_NE(rows, synced.end());
  ASSERT_NE(commit, synced.end());
  const auto named = std::count_if(rows, commit, [](const std::string& path) {
    return path.ends_with("/game/predictions/parts");
  });
  EXPECT_EQ(named, 2) << "the names of the part and of its rows";
}

TEST_F(EmbeddedWarehouse, HealsTheDatabaseWhenAProcessDiedBeforeItWasSwapped) {
  Deliver(Asking("one", "id\n1\n"));
  const auto links = {place() / "warehouse.duckdb", TableFolder() / "current"};
  for (const fs::path& link : links) fs::rename(link, link.string() + ".old");
  Deliver(Asking("two", "id\n2\n", 2));
  for (const fs::path& link : links)
    fs::rename(link.string() + ".old", link);  // as if never swapped
  EXPECT_EQ(Seen(), "1");
  EXPECT_FALSE(*IsPublished(fs::canonical(place())));
  EXPECT_EQ(TextOf(warehouse().Query("SELECT id FROM game.predictions", 9)), "2");
  EXPECT_TRUE(*IsPublished(fs::canonical(place())));
  EXPECT_EQ(Seen(), "2");
}

TEST_F(EmbeddedWarehouse, HealsTheDatabaseWhenTheWarehouseWasMoved) {
  Deliver(Asking("one", "id\n1\n"));
  const fs::path elsewhere = folder() / "else[w]here*";
  fs::rename(place(), elsewhere);
  auto moved = OpenAt(elsewhere);
  ASSERT_TRUE(moved);
  EXPECT_EQ(TextOf((*moved)->Query("SELECT id FROM game.predictions", 9)), "1");
  fs::rename(elsewhere / "warehouse.duckdb", folder() / "link");
  auto session =
      Session::Open(duckdb_, elsewhere / fs::read_symlink(folder() / "link"), folder() / "spill");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->Run("SELECT id FROM game.predictions")->at(0).at(0), "1");
  EXPECT_TRUE((*moved)->Check()->empty());
}

TEST_F(EmbeddedWarehouse, OverwritesWhatADeliveryThatWasKilledLeft) {
  Deliver(Asking("one", "id\n1\n"));
  for (const char* name : {"two.parquet", ".tmp-part-0123456789abcdef"}) {
    std::ofstream(TableFolder() / "parts" / name) << "rest";
  }
  EXPECT_TRUE(warehouse().Check()->empty());
  Deliver(Asking("two", "id\n2\n", 2));
  EXPECT_EQ(Seen(), "2");
  EXPECT_EQ(FilesBelow(TableFolder() / "parts"), 2U);
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_F(EmbeddedWarehouse, LeavesNoFilesBehindWhenADeliveryFails) {
  Deliver(Asking("one", "id\n1\n"));
  Request request = Asking("two", "id\nx\n", 2);
  request.schema = {{"id", "INT64"}};
  ASSERT_FALSE(warehouse().Deliver(request));
  EXPECT_EQ(FilesBelow(TableFolder() / "parts"), 1U);
  EXPECT_EQ(FilesBelow(TableFolder() / "log"), 1U);
}

TEST_F(EmbeddedWarehouse, FindsDamagedPartsAndLogs) {
  Deliver(Asking("one", "id\n1\n"));
  Request request = Asking("two", "id\n2\n", 2);
  request.write = Write::kAppend;
  Deliver(request);
  {
    std::fstream file(TableFolder() / "parts" / "one.parquet",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10);
    file.put('!');
  }
  auto faults = warehouse().Check();
  ASSERT_TRUE(faults);
  ASSERT_EQ(faults->size(), 1U);
  EXPECT_NE(faults->at(0).find("delivery one"), std::string::npos);
  fs::remove(TableFolder() / "parts" / "two.parquet");
  EXPECT_EQ(warehouse().Check()->size(), 2U);
  std::ofstream(TableFolder() / "log" / "00000002.json") << "{\"format\": 2}";
  faults = warehouse().Check();
  ASSERT_EQ(faults->size(), 1U);
  EXPECT_NE(faults->at(0).find("newer Busker"), std::string::npos) << faults->at(0);
  EXPECT_ERROR(warehouse().Deliver(Asking("three", "id\n3\n", 3)), ErrorKind::kUnusable,
               "newer Busker");
  fs::remove(TableFolder() / "log" / "00000001.json");
  EXPECT_ERROR(warehouse().Deliveries(), ErrorKind::kUnusable, "00000001.json");
}

TEST_F(EmbeddedWarehouse, GoesOnDeliveringToOtherTablesWhenOneIsDamaged) {
  Deliver(Asking("one", "id\n1\n"));
  fs::remove(TableFolder() / "parts" / "one.parquet");
  Request request = Asking("two", "id\n2\n");
  request.table = "game.others";
  Deliver(request);
  EXPECT_EQ(Seen("SELECT CAST(id AS VARCHAR) FROM game.others"), "2");
  EXPECT_ERROR(warehouse().Query("SELECT * FROM game.predictions", 1), ErrorKind::kUnusable,
               "game.predictions");
}

// A damaged log of one table failed every delivery to any other, after its rows were there, and
// every query.
TEST_F(EmbeddedWarehouse, GoesOnWithAllOtherTablesWhenTheLogOfOneIsDamaged) {
  Deliver(Asking("one", "id\n1\n"));
  Request other = Asking("two", "id\n2\n");
  other.table = "game.others";
  Deliver(other);
  const fs::path log = TableFolder() / "log" / "00000001.json";
  const std::string whole = *io::ReadFile(log);
  std::ofstream(log) << "{";

  other = Asking("three", "id\n3\n", 2);
  other.table = "game.others";
  Deliver(other);
  EXPECT_EQ(Seen("SELECT CAST(id AS VARCHAR) FROM game.others"), "3");
  EXPECT_EQ(TextOf(warehouse().Query("SELECT id FROM game.others", 9)), "3");
  ASSERT_TRUE(warehouse().Undo("three"));
  EXPECT_EQ(Seen("SELECT CAST(id AS VARCHAR) FROM game.others"), "2");
  // Who asks for the damaged one is told where it is, and what to do.
  EXPECT_ERROR(warehouse().Query("SELECT * FROM game.predictions", 9), ErrorKind::kUnusable,
               log.string() + ": it is damaged; restore this file from a backup");
  EXPECT_NE(Seen("SELECT 'x' FROM game.predictions").find("it is damaged"), std::string::npos);
  EXPECT_ERROR(warehouse().Deliver(Asking("four", "id\n4\n", 3)), ErrorKind::kUnusable,
               "is damaged");
  std::vector<DamagedTable> damaged;
  const auto deliveries = warehouse().Deliveries("", &damaged);
  ASSERT_TRUE(deliveries);
  EXPECT_EQ(deliveries->size(), 2U);
  ASSERT_EQ(damaged.size(), 1U);
  EXPECT_EQ(damaged[0].table, "game.predictions");
  EXPECT_ERROR(warehouse().Deliveries(), ErrorKind::kUnusable, "is damaged");
  const auto faults = warehouse().Check();
  ASSERT_TRUE(faults);
  ASSERT_EQ(faults->size(), 1U);
  EXPECT_NE(faults->at(0).find("restore this file"), std::string::npos) << faults->at(0);

  std::ofstream(log) << whole;
  EXPECT_TRUE(warehouse().Check()->empty());
  EXPECT_EQ(Seen(), "1");
}

// A flipped byte of a part changed the answer of a query, which said nothing.
TEST_F(EmbeddedWarehouse, TellsWhoAsksForATableThatAPartOfItIsDamaged) {
  Deliver(Asking("one", "id\n1\n"));
  Request other = Asking("two", "id\n2\n");
  other.table = "game.others";
  Deliver(other);
  const fs::path part = TableFolder() / "parts" / "one.parquet";
  const std::string whole = *io::ReadFile(part);
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int trial = 0; trial < 5; ++trial) {
    std::string flipped = whole;
    char& byte = flipped[random() % flipped.size()];
    byte = static_cast<char>(byte ^ (1 << random() % 8));
    std::ofstream(part, std::ios::binary) << flipped;
    EXPECT_ERROR(warehouse().Query("SELECT count(*) FROM game.predictions", 9),
                 ErrorKind::kUnusable, "busker undo one");
    EXPECT_EQ(TextOf(warehouse().Query("SELECT id FROM game.others", 9)), "2");
    EXPECT_NE(Seen("SELECT 'x' FROM game.predictions").find("busker undo one"), std::string::npos);
    const auto faults = warehouse().Check();
    ASSERT_EQ(faults->size(), 1U);
    EXPECT_NE(faults->at(0).find("busker undo one"), std::string::npos) << faults->at(0);
  }
  std::ofstream(part, std::ios::binary) << whole;  // restored, and so later than it was written
  EXPECT_EQ(TextOf(warehouse().Query("SELECT id FROM game.predictions", 9)), "1");
  EXPECT_TRUE(warehouse().Check()->empty());
  EXPECT_EQ(Seen(), "1");
  std::ofstream(part, std::ios::binary) << "x";
  ASSERT_TRUE(warehouse().Undo("one"));
  EXPECT_EQ(TextOf(warehouse().Query("SELECT id FROM game.others", 9)), "2");
}

// warehouse.duckdb was flipped, empty, cut or text: readers failed, and fsck found nothing and
// mended nothing.
TEST_F(EmbeddedWarehouse, MakesADamagedDatabaseAnewAndSaysSo) {
  Deliver(Asking("one", "id\n1\n"));
  const fs::path database = fs::canonical(place() / "warehouse.duckdb");
  const std::string whole = *io::ReadFile(database);
  EXPECT_TRUE(warehouse().Check()->empty());
  std::vector<std::string> damages = {"", "no database\n", whole.substr(0, whole.size() / 2),
                                      std::string(whole.size(), '\0')};
  for (const std::size_t at : {std::size_t{8}, std::size_t{4096}, whole.size() - 4096 * 60}) {
    damages.push_back(whole);
    for (std::size_t i = at; i < at + 64; ++i)
      damages.back()[i] = static_cast<char>(~damages.back()[i]);
  }
  for (const std::string& damage : damages) {
    SCOPED_TRACE(damage.size());
    std::ofstream(database, std::ios::binary) << damage;
    const bool harmless = Seen() == "1";
    const auto faults = warehouse().Check();
    ASSERT_TRUE(faults) << faults.error().message;
    EXPECT_TRUE(harmless || faults->size() == 1);
    EXPECT_EQ(Seen(), "1");
    EXPECT_TRUE(warehouse().Check()->empty());
  }
  std::ofstream(database, std::ios::binary) << "";
  EXPECT_TRUE(
      warehouse().Query("SELECT 1", 1));  // what is no database at a glance is renewed by any verb
  EXPECT_EQ(Seen(), "1");
  ASSERT_TRUE(
      OpenDatabase()->Run("DROP VIEW game.predictions; CREATE VIEW game.mine AS SELECT 1 AS x"));
  ASSERT_EQ(warehouse().Check()->size(), 1U);
  EXPECT_EQ(Seen(), "1");
  fs::remove(TableFolder() / "current" / "one.parquet");
  ASSERT_EQ(warehouse().Check()->size(), 1U);
  EXPECT_TRUE(fs::exists(TableFolder() / "current" / "one.parquet"));
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_F(EmbeddedWarehouse, LetsAQueryTouchNoFileAndNoSetting) {
  Deliver(Asking("one", "id\n1\n"));
  const fs::path part = fs::canonical(TableFolder() / "parts" / "one.parquet");
  const std::string target = QuoteLiteral((folder() / "out").string());
  const std::string onto_part =
      QuoteLiteral(part.string()) + " (FORMAT parquet, USE_TMP_FILE false)";
  for (const std::string& sql : std::vector<std::string>{
           "COPY (SELECT 1) TO " + target, "COPY (SELECT 1) TO " + onto_part,
           "EXPLAIN ANALYZE COPY (SELECT 1) TO " + onto_part,
           "EXPLAIN COPY (SELECT 1) TO " + onto_part,
           "/* x */ EXPLAIN ANALYZE COPY (SELECT 1) TO " + onto_part,
           "EXPLAIN /* SELECT */ ANALYZE COPY (SELECT 1) TO " + onto_part, "ATTACH " + target,
           "INSTALL httpfs", "LOAD json", "SET enable_external_access = true", "PRAGMA version",
           "CALL pragma_version()", "EXPORT DATABASE " + target,
           "SELECT * FROM read_text('/etc/passwd')", "FROM '/etc/passwd'", "FROM glob('/*')",
           "SELECT * FROM query('COPY (SELECT 1) TO ''x''')", "PREPARE x AS SELECT 1"}) {
    EXPECT_FALSE(warehouse().Query(sql, 10)) << sql;
  }
  EXPECT_FALSE(fs::exists(folder() / "out"));
  EXPECT_TRUE(warehouse().Check()->empty());
  for (const std::string sql :
       {"EXPLAIN SELECT 1", "explain analyze select 1", "DESCRIBE game.predictions",
        "SUMMARIZE game.predictions", "SHOW ALL TABLES", "FROM game.predictions", "VALUES (1)",
        "WITH a AS (SELECT 1) FROM a"}) {
    const auto answer = warehouse().Query(sql, 10);
    EXPECT_TRUE(answer) << sql << ": " << answer.error().message;
  }
}

// The last line of what DuckDB says, which was on record as the reason, is a link to its manual.
TEST_F(EmbeddedWarehouse, SaysThatThereIsNotEnoughMemoryInOneSentence) {
  auto session = Session::Open(duckdb_, "", folder() / "spill");
  ASSERT_TRUE(session);
  ASSERT_TRUE(session->Run("SET memory_limit = '10MB'; SET temp_directory = ''; SET threads = 1"));
  const auto rows =
      session->Run("SELECT count(*) FROM (SELECT DISTINCT hash(i) FROM range(3000000) t(i))");
  EXPECT_ERROR(rows, ErrorKind::kTemporary, "there is not enough memory");
  EXPECT_EQ(rows.error().message.find('\n'), std::string::npos);
  EXPECT_EQ(rows.error().message.find("http"), std::string::npos) << rows.error().message;
}

// With the log written first, a table would have rows of which there is no file.
TEST_F(EmbeddedWarehouse, CommitsNothingWhenThePartCannotBeKept) {
  Deliver(Asking("one", "id\n1\n"));
  fs::create_directories(TableFolder() / "parts" / "two.parquet" / "in the way");
  EXPECT_FALSE(warehouse().Deliver(Asking("two", "id\n2\n", 2)));
  EXPECT_EQ(FilesBelow(TableFolder() / "log"), 1U);
  EXPECT_EQ(TextOf(warehouse().Query("SELECT id FROM game.predictions", 9)), "1");
}

// A TIMESTAMP without an offset was in the zone of whoever started Busker.
TEST_F(EmbeddedWarehouse, IsInUtcWhateverTzSays) {
  int out[2];
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::string self = fs::read_symlink("/proc/self/exe").string(), word = "--read-instant";
  std::string tz = "TZ=America/New_York", duckdb = "BUSKER_DUCKDB=" + DuckdbPath().string();
  char* const arguments[] = {self.data(), word.data(), nullptr};
  char* const environment[] = {tz.data(), duckdb.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(posix_spawn(&child, self.c_str(), &actions, nullptr, arguments, environment), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  std::string output(100, '\0');
  output.resize(
      static_cast<std::size_t>(std::max<ssize_t>(0, ::read(out[0], output.data(), output.size()))));
  ::close(out[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(output, "2026-02-03 10:00:00+00; 2026-02-03 10:00:00+00");
}

TEST_F(EmbeddedWarehouse, ReadsALongLogOfAppends) {
  for (int i = 1; i <= 150; ++i) {
    Request request = Asking("d" + std::to_string(i), "id\n" + std::to_string(i) + "\n");
    request.write = Write::kAppend;
    ASSERT_EQ(Deliver(request).table_rows, static_cast<std::uint64_t>(i));
  }
  EXPECT_EQ(TextOf(warehouse().Query("SELECT count(*), sum(id) FROM game.predictions", 1)),
            "150,11325");
  ASSERT_TRUE(warehouse().Undo("d77"));
  EXPECT_EQ(TextOf(warehouse().Query("SELECT count(*), sum(id) FROM game.predictions", 1)),
            "149,11248");
  EXPECT_EQ(warehouse().Deliveries()->size(), 150U);
}

TEST(OpenWarehouse, TakesAUrlAndMakesNothing) {
  WarehouseTest test;
  const auto warehouse = OpenAt(test.place());
  ASSERT_TRUE(warehouse) << warehouse.error().message;
  EXPECT_TRUE((*warehouse)->Deliveries()->empty());
  EXPECT_TRUE((*warehouse)->Check()->empty());
  EXPECT_EQ(TextOf((*warehouse)->Query("SELECT 1", 1)), "1");
  EXPECT_ERROR((*warehouse)->Undo("one"), ErrorKind::kNotFound, "no such delivery");
  EXPECT_FALSE(fs::exists(test.place()));
  for (const char* url : {"postgresql://project", "embedded://folder", "/folder", ""}) {
    EXPECT_ERROR(OpenWarehouse(url, DuckdbPath()), ErrorKind::kInvalid, "embedded:///FOLDER");
  }
}

TEST(EmbeddedWarehouseLibrary, SaysWhatToDoWhenItIsMissing) {
  WarehouseTest test;
  const fs::path text = test.PathOf(test.Csv("no library"));
  for (const fs::path& path :
       {test.folder() / "nowhere.so", text, fs::path("/lib/x86_64-linux-gnu/libm.so.6")}) {
    auto warehouse = OpenWarehouse("embedded://" + test.place().string(), path);
    ASSERT_TRUE(warehouse);
    EXPECT_ERROR((*warehouse)->Query("SELECT 1", 1), ErrorKind::kUnusable, "script/setup");
    EXPECT_ERROR((*warehouse)->Query("SELECT 1", 1), ErrorKind::kUnusable,
                 path.filename().string());
  }
}

// ---- kill -9

// The other side of the trials below, a process of its own (main): delivers to the warehouse at
// `place` until it is killed, with a "+" on standard output for each delivery that was
// acknowledged.
int DeliverUntilKilled(const fs::path& place) {
  auto warehouse = OpenAt(place);
  if (!warehouse) return 1;
  WarehouseTest files;
  const std::size_t made = (*warehouse)->Deliveries()->size();
  for (std::size_t i = made;; ++i) {
    std::string csv = "id,value\n";
    for (std::size_t row = 0; row < 100 + i; ++row) {
      csv += std::to_string(row) + "," + std::to_string(i) + "\n";
    }
    const std::string id = "d" + std::to_string(i);
    Request request = files.Asking(id, csv);
    request.key = {"id"};
    if (!(*warehouse)->Deliver(request)) return 1;
    if (::write(STDOUT_FILENO, "+", 1) != 1) return 1;
    if (i % 5 == 4 && !(*warehouse)->Undo(id)) return 1;
  }
}

TEST_F(EmbeddedWarehouse, IsWhollyOldOrNewWhereverADeliveryIsKilled) {
  const char* const more = std::getenv("BUSKER_KILL_TRIALS");
  const int trials = more != nullptr ? std::atoi(more) : 40;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  // The child's CSV files go into a folder of this test's, as nobody else removes them.
  ASSERT_EQ(setenv("TMPDIR", folder().c_str(), 1), 0);
  std::size_t acknowledged = 0;
  for (int trial = 0; trial < trials; ++trial) {
    int out[2];
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::vector<std::string> words = {"/proc/self/exe", "--deliver-until-killed", place().string()};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    const std::string self = fs::read_symlink("/proc/self/exe").string();
    ASSERT_EQ(posix_spawn(&child, self.c_str(), &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(30'000 + random() % 300'000));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    std::string output(65536, '\0');
    output.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, ::read(out[0], output.data(), output.size()))));
    ::close(out[0]);
    ASSERT_TRUE(WIFSIGNALED(status)) << output;
    acknowledged += static_cast<std::size_t>(std::count(output.begin(), output.end(), '+'));

    const auto faults = warehouse().Check();
    ASSERT_TRUE(faults) << faults.error().message;
    ASSERT_TRUE(faults->empty()) << faults->front();
    const auto deliveries = warehouse().Deliveries();
    ASSERT_TRUE(deliveries);
    ASSERT_GE(deliveries->size(), acknowledged);
    acknowledged = deliveries->size();  // one may be committed without the word having got out
    if (deliveries->empty()) continue;
    std::string expected = "0,100";
    for (const Delivery& delivery : *deliveries) {
      if (delivery.current) expected = delivery.id.substr(1) + "," + std::to_string(delivery.rows);
    }
    ASSERT_EQ(TextOf(warehouse().Query(
                  "SELECT DISTINCT value, count(*) OVER () FROM game.predictions", 9)),
              expected);
    ASSERT_EQ(Seen("SELECT any_value(value) || ',' || count(*) FROM game.predictions"), expected);
    TableReader reader(place());
    const auto view = reader.Look("game.predictions");
    if (expected == "0,100") continue;  // all that was delivered is undone
    ASSERT_TRUE(view) << view.error().message;
    const auto row = (*view)->Find("99,", "", Now());
    ASSERT_TRUE(row && *row);
    ASSERT_EQ((*row)->json, "{\"id\":99,\"value\":" + expected.substr(0, expected.find(',')) + "}");
  }
  EXPECT_GT(acknowledged, 0U);
  unsetenv("TMPDIR");
}

}  // namespace

// The other side of IsInUtcWhateverTzSays, a process of its own: what a TIMESTAMP without an offset
// is, as it is read and as it is shown.
int ReadInstant() {
  WarehouseTest files;
  auto warehouse = OpenAt(files.place());
  Request request = files.Asking("one", "at,n\n2026-02-03 10:00:00,1\n2026-02-03 10:00:00Z,2\n");
  request.schema = {{"at", "TIMESTAMP"}, {"n", "INT64"}};
  if (!warehouse || !(*warehouse)->Deliver(request)) return 1;
  const std::string text =
      TextOf((*warehouse)->Query("SELECT \"at\" FROM game.predictions ORDER BY n", 9));
  return ::write(STDOUT_FILENO, text.data(), text.size()) < 0 ? 1 : 0;
}

int MainOfTests(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--deliver-until-killed") {
    return DeliverUntilKilled(argv[2]);
  }
  if (argc == 2 && std::string_view(argv[1]) == "--read-instant") return ReadInstant();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace busker::deliver

int main(int argc, char** argv) { return busker::deliver::MainOfTests(argc, argv); }
