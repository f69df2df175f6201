// What both fuzz targets of models do with what their reader reads.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "predict/value_reader.h"
#include "predict/xgboost_file.h"
#include "predict/xgboost_model.h"

namespace busker::predict {

inline int FuzzModel(std::unique_ptr<ValueReader> in) {
  auto file = ReadXgboostFile(std::move(in));
  if (!file) {
    CHECK(!file.error().message.empty(), "a fault is told");
    return 0;
  }
  const auto model = MakeXgboostModel(*std::move(file), nullptr);
  if (!model) return 0;
  const std::size_t columns = (*model)->columns(), outputs = (*model)->outputs();
  if (columns > 1000 || outputs > 1000) return 0;  // they are only slow
  constexpr float kValues[] = {0, -0.0f, 1.5f, -3e38f, std::numeric_limits<float>::quiet_NaN()};
  constexpr std::size_t kRows = 33;  // some together, one alone
  std::vector<float> rows(kRows * columns), answers(kRows * outputs);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = kValues[i % std::size(kValues)];
  (*model)->Predict(rows, answers);
  return 0;
}

}  // namespace busker::predict
