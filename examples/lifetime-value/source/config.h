#pragma once

#include <chrono>
#include <filesystem>

#include "date.h"
#include "model.h"
#include "result.h"

// What the three files in configs/ say. Every key must be there, and no other may.

struct TrainingConfig {
  std::filesystem::path data_file;  // "data"
  Date data_date;                   // "data_date": nothing later is read
  std::chrono::weeks horizon;       // "horizon_weeks": how far ahead the model looks
  std::chrono::weeks cutoff_step;   // "cutoff_step_weeks": between the cut-offs of the examples
  double holdout_fraction = 0;      // "holdout_fraction" of the customers, in (0, 1)
  ModelSettings model;              // "seed", "rounds", "xgboost"
};

struct ApplicationConfig {
  std::filesystem::path data_file;  // "data"
  Date data_date;                   // "data_date"
  double threshold = 0;             // "threshold": label = probability >= threshold
};

struct EvaluationConfig {
  std::filesystem::path data_file;  // "data"
  Date data_date;                   // "data_date"
  std::chrono::weeks horizon;       // "horizon_weeks", as in training
};

Result<TrainingConfig> ReadTrainingConfig(const std::filesystem::path& file);
Result<ApplicationConfig> ReadApplicationConfig(const std::filesystem::path& file);
Result<EvaluationConfig> ReadEvaluationConfig(const std::filesystem::path& file);
