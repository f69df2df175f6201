// One online prediction, and a thousand at once: the native runtime beside XGBoost's C API, with
// one thread each. And a request of 600 columns, from its JSON to the answer.
//
// The models are trained here, by Debian's libxgboost: 500 trees of depth 6 on 30 inputs, and 100
// on 600. The first is asked by that library, and by the newest of script/setup parity. CPU time of
// the thread, the least of some rounds: what a machine's neighbours take is nobody's cost.
#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "measure.h"
#include "predict/instances.h"
#include "predict/model.h"

namespace {

using namespace busker;
using bench::Must;

constexpr std::size_t kColumns = 30, kBatch = 1000;
constexpr int kRounds = 15;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Microseconds of one `work`, which is done `times` in a round.
template <typename Work>
double Least(int times, const Work& work) {
  double least = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const double begin = CpuSeconds();
    for (int i = 0; i < times; ++i) work(static_cast<std::size_t>(i));
    least = std::min(least, (CpuSeconds() - begin) / times * 1e6);
  }
  return least;
}

// XGBoost's C API, opened by its file: the few functions that are called here.
class Library {
 public:
  explicit Library(const char* path) : library_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {}
  bool is_there() const { return library_ != nullptr; }

  template <typename... Arguments>
  void Call(const char* name, Arguments... arguments) const {
    auto* const function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library_, name));
    CHECK(function != nullptr, "XGBoost has the function");
    CHECK(function(arguments...) == 0, "XGBoost does what it is asked");
  }

 private:
  void* library_;
};

std::vector<float> RandomRows(std::size_t count, std::size_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> rows(count * columns);
  for (float& value : rows) value = normal(random);
  return rows;
}

struct Kind {
  std::size_t columns, rows;
  int trees;
};

void Train(const Library& library, Kind kind, const std::string& file) {
  const std::vector<float> rows = RandomRows(kind.rows, kind.columns, 1);
  std::vector<float> labels(kind.rows);
  std::mt19937 random(2);
  for (std::size_t i = 0; i < kind.rows; ++i) {
    const float* row = &rows[i * kind.columns];
    const float score = row[0] + row[1] * row[2] + std::sin(3 * row[3]) + row[4];
    labels[i] = score + std::normal_distribution<float>(0, 1)(random) > 0 ? 1.0f : 0.0f;
  }
  void *data = nullptr, *booster = nullptr;
  library.Call("XGDMatrixCreateFromMat", rows.data(), std::uint64_t{kind.rows},
               std::uint64_t{kind.columns}, NAN, &data);
  library.Call("XGDMatrixSetFloatInfo", data, "label", static_cast<const float*>(labels.data()),
               std::uint64_t{kind.rows});
  library.Call("XGBoosterCreate", static_cast<void* const*>(&data), std::uint64_t{1}, &booster);
  const char* const parameters[][2] = {{"objective", "binary:logistic"},
                                       {"max_depth", "6"},
                                       {"tree_method", "hist"},
                                       {"eta", "0.1"},
                                       {"nthread", "2"},
                                       {"min_child_weight", "0"}};
  for (const auto& [name, value] : parameters) {
    library.Call("XGBoosterSetParam", booster, name, value);
  }
  for (int i = 0; i < kind.trees; ++i) library.Call("XGBoosterUpdateOneIter", booster, i, data);
  library.Call("XGBoosterSaveModel", booster, file.c_str());
}

class Booster {
 public:
  Booster(const Library& library, const std::string& file) : library_(library) {
    library_.Call("XGBoosterCreate", static_cast<void* const*>(nullptr), std::uint64_t{0},
                  &booster_);
    library_.Call("XGBoosterLoadModel", booster_, file.c_str());
    library_.Call("XGBoosterSetParam", booster_, "nthread", "1");
    // What in-place prediction wants for meta information: an empty one.
    const float nothing = 0;
    library_.Call("XGDMatrixCreateFromMat", &nothing, std::uint64_t{1}, std::uint64_t{1}, NAN,
                  &meta_);
  }

  const float* Predict(const float* rows, std::size_t count) const {
    char array[200];
    std::snprintf(array, sizeof array,
                  R"({"data":[%zu,true],"shape":[%zu,%zu],"typestr":"<f4","version":3})",
                  reinterpret_cast<std::size_t>(rows), count, kColumns);
    const std::uint64_t *shape = nullptr, **shape_at = &shape;
    std::uint64_t dimensions = 0;
    const float* answers = nullptr;
    library_.Call("XGBoosterPredictFromDense", booster_, static_cast<const char*>(array),
                  R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,)"
                  R"("strict_shape":false,"cache_id":0,"missing":NaN})",
                  static_cast<void*>(nullptr), shape_at, &dimensions, &answers);
    return answers;
  }

 private:
  const Library& library_;
  void *booster_ = nullptr, *meta_ = nullptr;
};

struct Figures {
  double row = 0, batch = 0;  // microseconds a row
};

template <typename Predict>
Figures Measure(const char* name, int times, const std::vector<float>& rows,
                const Predict& predict) {
  const Figures figures{
      Least(times, [&](std::size_t i) { predict(&rows[i % kBatch * kColumns], 1); }),
      Least(std::max(1, times / 200), [&](std::size_t) { predict(rows.data(), kBatch); }) /
          static_cast<double>(kBatch)};
  std::printf("%-24s one row %8.2f us, in a batch of 1,000 %6.3f us a row\n", name, figures.row,
              figures.batch);
  return figures;
}

void Beside(const char* name, const char* path, const std::string& file,
            const std::vector<float>& rows, const std::vector<float>& ours, const Figures& native) {
  const Library library(path);
  if (!library.is_there()) {
    std::printf("%-24s is not there (%s)\n", name, path);
    return;
  }
  const Booster booster(library, file);
  const float* answers = booster.Predict(rows.data(), kBatch);
  const bool same = std::memcmp(answers, ours.data(), kBatch * sizeof(float)) == 0;
  const Figures figures = Measure(
      name, 400, rows, [&](const float* at, std::size_t count) { booster.Predict(at, count); });
  std::printf("%-24s %.0f x the native time for a row, %.1f x in a batch; %s\n", "",
              figures.row / native.row, figures.batch / native.batch,
              same ? "the same bits" : "OTHER BITS");
}

// As a client sends it: an object by name, in the order of the signature.
void AskByJson(const Library& library, const std::string& file) {
  constexpr std::size_t kMany = 600;
  Train(library, {kMany, 3000, 100}, file);
  const auto model = Must(predict::LoadModel(file));
  predict::Signature signature = model->of_itself();
  const std::vector<float> row = RandomRows(1, kMany, 4);
  std::string json = "[{";
  for (std::size_t i = 0; i < kMany; ++i) {
    signature.inputs[i].name = "feature_" + std::to_string(i);
    char member[60];
    std::snprintf(member, sizeof member, "%s\"%s\": %.4f", i == 0 ? "" : ", ",
                  signature.inputs[i].name.c_str(), static_cast<double>(row[i]));
    json += member;
  }
  json += "}]";
  float answer = 0;
  const double read =
      Least(1000, [&](std::size_t) { Must(predict::ReadInstances(json, signature, 10)); });
  const double all = Least(1000, [&](std::size_t) {
    const predict::Rows rows = Must(predict::ReadInstances(json, signature, 10));
    model->Predict(rows.values, {&answer, 1});
  });
  std::printf("%-24s %zu bytes: read and checked %.1f us, and predicted %.1f us\n",
              "600 columns of JSON", json.size(), read, all);
}

}  // namespace

int main() {
  const std::string file = (std::filesystem::temp_directory_path() / "trees_bench.ubj").string();
  constexpr char kDebian[] = "libxgboost.so.0";
  constexpr char kNewest[] = BUSKER_SOURCE "/build/parity/3.4.1/xgboost/lib/libxgboost.so";
  const Library debian(kDebian);
  CHECK(debian.is_there(), "Debian's libxgboost is there");
  Train(debian, {kColumns, 20000, 500}, file);
  const auto model = Must(predict::LoadModel(file));
  std::printf("%s, %ju KiB\n", model->Describe().c_str(),
              static_cast<std::uintmax_t>(std::filesystem::file_size(file) / 1024));
  std::printf("%-24s %.1f ms\n", "loading it",
              Least(1, [&](std::size_t) { Must(predict::LoadModel(file)); }) / 1000);

  const std::vector<float> rows = RandomRows(kBatch, kColumns, 3);
  std::vector<float> answers(kBatch);
  const Figures native = Measure("native", 20000, rows, [&](const float* at, std::size_t count) {
    model->Predict({at, count * kColumns}, std::span(answers).first(count));
  });
  model->Predict(rows, answers);
  Beside("C API, Debian's 1.7.4", kDebian, file, rows, answers, native);
  Beside("C API, 3.4.1", kNewest, file, rows, answers, native);
  AskByJson(debian, file);
  std::filesystem::remove(file);
  return 0;
}
