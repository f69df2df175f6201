// What a delivery costs beside DuckDB's own COPY of the same CSV file to Parquet, in one process.
//
//   deliver_bench [ROWS] [ROUNDS]     by default 10,000,000 rows and 7 rounds
//
// Peer and deliveries take turns, and the order turns around every round. The peer syncs nothing
// and checks nothing; a delivery counts and digests the file, checks every value, counts what
// arrived, digests and syncs the Parquet file, commits, and renews what readers open.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "artifact/store.h"
#include "base/check.h"
#include "base/text.h"
#include "deliver/csv_load.h"
#include "deliver/duckdb_session.h"
#include "deliver/warehouse.h"
#include "measure.h"

namespace {

using namespace busker;
using bench::Median;
using bench::Must;
using namespace busker::deliver;
namespace fs = io::fs;
using Clock = std::chrono::steady_clock;

// Of this process, all threads, in seconds: what a busy machine does not change.
double CpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Begin {
  Clock::time_point wall = Clock::now();
  double cpu = CpuTime();
};

struct Times {
  std::vector<double> wall, cpu;
};

class Bench {
 public:
  Bench(long rows, int rounds)
      : rows_(rows),
        rounds_(rounds),
        folder_(io::TemporaryPath(fs::temp_directory_path(), "deliver-bench")),
        store_(Must(artifact::OpenStore("file://" + folder_.string()))),
        library_(DuckdbPath()),
        duckdb_(Must(OpenDuckdbLibrary(library_))) {
    Must(io::MakeFolders(folder_));
  }
  ~Bench() { (void)io::RemoveTree(folder_); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // One table of figures for one kind of player_id.
  void Compare(const std::string& id_type, const std::string& id_sql) {
    csv_ = folder_ / (id_type + ".csv");
    Must(
        Must(Session::Open(duckdb_, "", folder_ / "spill"))
            .Run(fmt::format(
                "COPY (SELECT {} AS player_id, hash(i) % 3 = 0 AS label FROM range({}) t(i)) TO {} "
                "(FORMAT csv, HEADER)",
                id_sql, rows_, QuoteLiteral(csv_.string()))));
    schema_ = {{"player_id", id_type}, {"label", "BOOL"}};
    times_.clear();
    std::vector<std::pair<std::string, std::function<void()>>> cases = {
        {"COPY by DuckDB", [&] { Copy(); }},
        {"delivery, schema given", [&] { Deliver(schema_); }},
        {"delivery, types inferred", [&] { Deliver({}); }},
    };
    for (int round = -1; round < rounds_; ++round) {  // the first warms up
      for (const auto& [name, run] : cases) {
        const Begin begin;
        run();
        if (round >= 0) Note(name, begin);
      }
      Parts(round >= 0);
      std::reverse(cases.begin(), cases.end());
    }
    Print(id_type);
  }

 private:
  static fs::path DuckdbPath() {
    const char* const path = std::getenv("BUSKER_DUCKDB");
    if (path != nullptr) return path;
    return BUSKER_DUCKDB_PATH;
  }

  void Note(const std::string& name, const Begin& begin) {
    Times& times = times_[name];
    times.wall.push_back(std::chrono::duration<double>(Clock::now() - begin.wall).count());
    times.cpu.push_back(CpuTime() - begin.cpu);
  }

  void Copy() {
    const fs::path target = folder_ / "peer.parquet";
    Session session = Must(Session::Open(duckdb_, "", folder_ / "spill"));
    Must(session.Run("COPY (SELECT * FROM read_csv(" + QuoteLiteral(csv_.string()) + ")) TO " +
                     QuoteLiteral(target.string()) + " (FORMAT parquet)"));
    fs::remove(target);
  }

  void Deliver(const std::vector<Column>& schema) {
    const fs::path place = folder_ / "warehouse";
    auto warehouse = Must(OpenWarehouse("embedded://" + place.string(), library_));
    Request request;
    request.id = "bench";
    request.table = "bench.predictions";
    request.source = {store_.get(), csv_.filename().string(), ""};
    request.schema = schema;
    const Delivery delivery = Must(warehouse->Deliver(request));
    CHECK(delivery.table_rows == static_cast<std::uint64_t>(rows_), "all rows arrive");
    Must(io::RemoveTree(place));
  }

  // The parts of a delivery by themselves, one after the other; in a delivery the first two
  // overlap.
  void Parts(bool note) {
    const CsvSource source = Must(OpenCsv(csv_));
    const fs::path target = folder_ / "part.parquet";
    LoadPlan plan;
    plan.columns = schema_;
    auto judges = JudgesFor(source, plan);
    Begin begin;
    (void)Must(SurveyCsv(source.fd.get(), source.path, source.header, judges));
    if (note) Note("- digest and judge the file", begin);
    {
      Session session = Must(Session::Open(duckdb_, "", folder_ / "spill"));
      begin = Begin{};
      Must(session.Run(LoadSql(source, plan, target)));
      if (note) Note("- load and check values", begin);
    }
    begin = Begin{};
    (void)Must(io::DigestFile(target));
    if (note) Note("- digest the snapshot", begin);
    begin = Begin{};
    {
      const io::Descriptor fd = Must(io::Open(target, O_RDWR));
      CHECK(fsync(fd.get()) == 0, "a file can be synced");
    }
    if (note) Note("- sync the snapshot", begin);
    fs::remove(target);
    // All the rest of a delivery: open, log, commit, catalogue.
    const fs::path small = folder_ / "small.csv";
    Must(io::WriteFileAtomically(small, "player_id,label\n1,true\n"));
    const fs::path place = folder_ / "small";
    auto warehouse = Must(OpenWarehouse("embedded://" + place.string(), library_));
    Request request;
    request.id = "bench";
    request.table = "bench.predictions";
    request.source = {store_.get(), small.filename().string(), ""};
    request.schema = schema_;
    begin = Begin{};
    (void)Must(warehouse->Deliver(request));
    if (note) Note("- a delivery of one row", begin);
    Must(io::RemoveTree(place));
  }

  void Print(const std::string& id_type) {
    fmt::print("\n{} rows, player_id {}, label BOOL, {:.0f} MB of CSV, medians of {} rounds\n\n",
               WithThousands(rows_), id_type, static_cast<double>(fs::file_size(csv_)) / 1e6,
               rounds_);
    fmt::print("{:<30} {:>9} {:>9} {:>9} {:>8} {:>9} {:>8}\n", "", "median", "least", "most",
               "of COPY", "CPU", "of COPY");
    const double wall = Median(times_["COPY by DuckDB"].wall);
    const double cpu = Median(times_["COPY by DuckDB"].cpu);
    for (const char* name :
         {"COPY by DuckDB", "delivery, schema given", "delivery, types inferred",
          "- digest and judge the file", "- load and check values", "- digest the snapshot",
          "- sync the snapshot", "- a delivery of one row"}) {
      const Times& times = times_[name];
      const auto [least, most] = std::minmax_element(times.wall.begin(), times.wall.end());
      fmt::print("{:<30} {:>7.3f} s {:>7.3f} s {:>7.3f} s {:>7.2f}x {:>7.3f} s {:>7.2f}x\n", name,
                 Median(times.wall), *least, *most, Median(times.wall) / wall, Median(times.cpu),
                 Median(times.cpu) / cpu);
    }
  }

  long rows_;
  int rounds_;
  fs::path folder_;
  std::unique_ptr<artifact::Store> store_;
  fs::path library_;
  DuckdbLibrary duckdb_;
  fs::path csv_;
  std::vector<Column> schema_;
  std::map<std::string, Times> times_;
};

}  // namespace

int main(int count, char** arguments) {
  const long rows = count > 1 ? std::atol(arguments[1]) : 10'000'000;
  const int rounds = count > 2 ? std::atoi(arguments[2]) : 7;
  if (rows < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: deliver_bench [ROWS] [ROUNDS]\n");
    return 2;
  }
  Bench bench(rows, rounds);
  bench.Compare("INT64", "i");
  bench.Compare("STRING", "'player-' || i");
  return 0;
}
