#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "date.h"
#include "features.h"
#include "result.h"

// What the model learns from: a customer at a cut-off, and whether he then bought.
struct Example {
  Features features;
  bool bought = false;
};

struct ModelSettings {
  int rounds = 100;
  std::uint32_t seed = 0;
  std::map<std::string, std::string> xgboost;  // XGBoost's own parameters, by their names there
};

// The probability that a customer buys again: gradient-boosted trees with the logistic loss
// (T. Chen and C. Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016).
//
// Training is deterministic: the same examples, settings and version of XGBoost give a file with
// the same bytes. Not safe for use by several threads at once.
class Model {
 public:
  // `data_date` is kept in the model; see DataDate().
  static Result<Model> Train(std::span<const Example> examples, Date data_date,
                             const ModelSettings& settings);

  // Refuses a file that is not a model or was cut short, and a model whose features are not those
  // of this program.
  static Result<Model> Load(const std::filesystem::path& file);

  // Writes XGBoost's binary JSON, by custom in a file `.ubj`.
  Result<void> Save(const std::filesystem::path& file) const;

  // One probability for each of `features`, in their order.
  Result<std::vector<float>> Predict(std::span<const Features> features) const;

  // The last day that the model could have learned anything from.
  Date DataDate() const { return data_date_; }

 private:
  struct FreeBooster {
    void operator()(void* booster) const;
  };
  using Booster = std::unique_ptr<void, FreeBooster>;

  Model(Booster booster, Date data_date) : booster_(std::move(booster)), data_date_(data_date) {}

  Booster booster_;
  Date data_date_;
};
