// Rows by key: what they cost a delivery, and how many are found in a second.
//
//   rows_bench [ROWS]     by default 10,000,000
//
// One delivery of the same CSV file without a key and one with it, in turns, three times; then
// look-ups of keys in random order by one thread and by two, within one look at the table and with
// a look before each.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "artifact/store.h"
#include "base/check.h"
#include "base/text.h"
#include "deliver/duckdb_session.h"
#include "deliver/table_rows.h"
#include "deliver/warehouse.h"
#include "measure.h"

namespace {

using namespace busker;
using bench::Must;
using namespace busker::deliver;
namespace fs = io::fs;
using Clock = std::chrono::steady_clock;

// Of this process, all threads, in seconds: what a busy machine does not change.
double CpuTime() {
  timespec time{};
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0, "a process has a clock");
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Cost {
  double wall = 0, cpu = 0;
};

Cost CostOf(const std::function<void()>& act) {
  const auto begin = Clock::now();
  const double cpu = CpuTime();
  act();
  return {std::chrono::duration<double>(Clock::now() - begin).count(), CpuTime() - cpu};
}

Cost Median(const std::vector<Cost>& costs) {
  std::vector<double> wall, cpu;
  for (const Cost& cost : costs) {
    wall.push_back(cost.wall);
    cpu.push_back(cost.cpu);
  }
  return {bench::Median(wall), bench::Median(cpu)};
}

fs::path DuckdbPath() {
  const char* const path = std::getenv("BUSKER_DUCKDB");
  return path != nullptr ? path : BUSKER_DUCKDB_PATH;
}

class Bench {
 public:
  explicit Bench(long rows)
      : rows_(rows),
        folder_(io::TemporaryPath(fs::temp_directory_path(), "rows-bench")),
        store_(Must(artifact::OpenStore("file://" + folder_.string()))),
        warehouse_(
            Must(OpenWarehouse("embedded://" + (folder_ / "warehouse").string(), DuckdbPath()))) {
    Must(io::MakeFolders(folder_));
    const DuckdbLibrary duckdb = Must(OpenDuckdbLibrary(DuckdbPath()));
    Must(Must(Session::Open(duckdb, "", folder_ / "spill"))
             .Run(fmt::format("COPY (SELECT 'player-' || i AS player_id, hash(i) % 3 = 0 AS label, "
                              "(hash(i) % 1000000) / 1000000 AS score FROM range({}) t(i)) TO {} "
                              "(FORMAT csv, HEADER)",
                              rows_, QuoteLiteral((folder_ / "rows.csv").string()))));
  }
  ~Bench() { (void)io::RemoveTree(folder_); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void Deliveries() {
    std::vector<Cost> without, with;
    for (int round = 0; round < 3; ++round) {
      without.push_back(CostOf([&] { Deliver(fmt::format("without-{}", round), {}); }));
      with.push_back(CostOf([&] { Deliver(fmt::format("with-{}", round), {"player_id"}); }));
    }
    const fs::path parts = folder_ / "warehouse/bench/predictions/parts";
    fmt::print("{} rows: player_id STRING, label BOOL, score FLOAT64; {:.0f} MB of CSV\n\n",
               WithThousands(rows_), Megabytes(folder_ / "rows.csv"));
    const Cost plain = Median(without), keyed = Median(with);
    fmt::print("{:<28} {:>9} {:>9}\n", "", "wall", "CPU");
    PrintCost("a delivery without a key", plain);
    PrintCost("a delivery with one", keyed);
    PrintCost("rows by key alone", {keyed.wall - plain.wall, keyed.cpu - plain.cpu});
    fmt::print("{:.0f} MB of Parquet, {:.0f} MB of rows by key\n\n",
               Megabytes(parts / "with-0.parquet"), Megabytes(parts / "with-0.rows"));
  }

  void LookUps() {
    TableReader reader(folder_ / "warehouse");
    for (const int threads : {1, 2}) {
      const auto view = Must(reader.Look("bench.predictions"));
      Print("one look at the table", threads, [&](const std::string& id) {
        const std::string key = Must(view->KeyText(std::vector<std::string>{id}));
        return Must(view->Find(key, "", Now())).has_value();
      });
      Print("a look before each", threads, [&](const std::string& id) {
        const auto seen = Must(reader.Look("bench.predictions"));
        const std::string key = Must(seen->KeyText(std::vector<std::string>{id}));
        return Must(seen->Find(key, "", Now())).has_value();
      });
    }
  }

 private:
  static double Megabytes(const fs::path& path) {
    return static_cast<double>(fs::file_size(path)) / 1e6;
  }

  static void PrintCost(const char* what, const Cost& cost) {
    fmt::print("{:<28} {:>7.3f} s {:>7.3f} s\n", what, cost.wall, cost.cpu);
  }

  void Deliver(const std::string& id, std::vector<std::string> key) {
    Request request;
    request.id = id;
    request.table = "bench.predictions";
    request.source = {store_.get(), "rows.csv", ""};
    request.schema = {{"player_id", "STRING"}, {"label", "BOOL"}, {"score", "FLOAT64"}};
    request.key = std::move(key);
    request.scheduled_at = Now();
    Must(warehouse_->Deliver(request));
  }

  void Print(const char* what, int threads, const std::function<bool(const std::string&)>& find) {
    constexpr long kLookUps = 2'000'000;
    std::atomic<long> found{0};
    const Cost cost = CostOf([&] {
      std::vector<std::thread> workers;
      for (int worker = 0; worker < threads; ++worker) {
        workers.emplace_back([&, worker] {
          std::uint64_t random = 88172645463325252ULL + static_cast<std::uint64_t>(worker);
          long mine = 0;
          for (long i = 0; i < kLookUps; ++i) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            const auto row = random % static_cast<std::uint64_t>(rows_);
            if (find("player-" + std::to_string(row))) ++mine;
          }
          found += mine;
        });
      }
      for (std::thread& worker : workers) worker.join();
    });
    CHECK(found == kLookUps * threads, "every row is found");
    fmt::print("{:<24} {} thread{}  {:>9} look-ups a second, {:>4.0f} ns of CPU each\n", what,
               threads, threads == 1 ? " " : "s",
               WithThousands(static_cast<long long>(static_cast<double>(found) / cost.wall)),
               cost.cpu / static_cast<double>(found) * 1e9);
  }

  long rows_;
  fs::path folder_;
  std::unique_ptr<artifact::Store> store_;
  std::unique_ptr<Warehouse> warehouse_;
};

}  // namespace

int main(int count, char** arguments) {
  const long rows = count > 1 ? std::atol(arguments[1]) : 10'000'000;
  if (rows < 1) {
    std::fprintf(stderr, "usage: rows_bench [ROWS]\n");
    return 2;
  }
  Bench bench(rows);
  bench.Deliveries();
  bench.LookUps();
  return 0;
}
