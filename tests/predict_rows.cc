// predict_rows MODEL ROWS ANSWERS [--iterations N] [--missing X]
//
// Asks the native runtime: ROWS and ANSWERS are files of float32, row by row. All rows are asked at
// once, and one by one: where the two differ by a bit, it says so and fails. For
// tests/parity_test.py.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "io/file.h"
#include "predict/model.h"

namespace {

using busker::predict::Model;
using busker::predict::Signature;

int Refused(const std::string& why) {
  std::fprintf(stderr, "predict_rows: %s\n", why.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return Refused("MODEL ROWS ANSWERS are needed");
  Signature signature;
  for (int i = 4; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--iterations") == 0) {
      signature.iterations = static_cast<std::uint32_t>(std::atoi(argv[i + 1]));
    } else {
      signature.missing_value = std::strtof(argv[i + 1], nullptr);
    }
  }
  const auto model = busker::predict::LoadModel(argv[1], signature);
  if (!model) return Refused(model.error().message);
  const auto bytes = busker::io::ReadFile(argv[2], 4ull << 30);
  if (!bytes) return Refused(bytes.error().message);
  const std::size_t columns = (*model)->columns(), outputs = (*model)->outputs();
  std::vector<float> rows(bytes->size() / sizeof(float));
  if (rows.size() % columns != 0) return Refused("the rows are of another width");
  std::memcpy(rows.data(), bytes->data(), rows.size() * sizeof(float));

  const std::size_t count = rows.size() / columns;
  std::vector<float> at_once(count * outputs), one_by_one(count * outputs);
  (*model)->Predict(rows, at_once);
  const std::span<const float> all(rows);
  const std::span<float> answers(one_by_one);
  for (std::size_t i = 0; i < count; ++i) {
    (*model)->Predict(all.subspan(i * columns, columns), answers.subspan(i * outputs, outputs));
  }
  if (std::memcmp(at_once.data(), one_by_one.data(), at_once.size() * sizeof(float)) != 0) {
    return Refused("rows at once and one by one are answered otherwise");
  }
  const auto written = busker::io::WriteFileUnsynced(
      argv[3], {reinterpret_cast<const char*>(at_once.data()), at_once.size() * sizeof(float)});
  if (!written) return Refused(written.error().message);
  std::printf("%s\n", (*model)->Describe().c_str());
  return 0;
}
