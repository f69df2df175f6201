#include "model.h"

#include <fmt/core.h>
#include <xgboost/c_api.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

namespace {

constexpr const char* kDataDate = "data_date";

struct FreeMatrix {
  void operator()(void* matrix) const { XGDMatrixFree(matrix); }
};
using Matrix = std::unique_ptr<void, FreeMatrix>;

// XGBoost reports "[12:00:00] file.cc:12: what went wrong", then a stack trace.
std::string LastError() {
  std::string_view text = XGBGetLastError();
  text = text.substr(0, text.find('\n'));
  if (const auto place = text.find(".cc:"); place != text.npos) {
    if (const auto colon = text.find(": ", place); colon != text.npos)
      text.remove_prefix(colon + 2);
  }
  while (text.ends_with(' ') || text.ends_with(':')) text.remove_suffix(1);
  return text.empty() ? "no reason given" : std::string(text);
}

Result<Matrix> MakeMatrix(std::span<const Features> rows) {
  std::vector<float> values;
  values.reserve(rows.size() * kFeatureCount);
  for (const Features& row : rows) {
    const auto row_values = Values(row);
    values.insert(values.end(), row_values.begin(), row_values.end());
  }
  DMatrixHandle handle = nullptr;
  if (XGDMatrixCreateFromMat(values.data(), rows.size(), kFeatureCount,
                             std::numeric_limits<float>::quiet_NaN(), &handle) != 0) {
    return Error("XGBoost refused the features: " + LastError());
  }
  Matrix matrix(handle);
  auto names = kFeatureNames;
  if (XGDMatrixSetStrFeatureInfo(handle, "feature_name", names.data(), names.size()) != 0) {
    return Error("XGBoost refused the names of the features: " + LastError());
  }
  return matrix;
}

Result<Matrix> MakeMatrix(std::span<const Example> examples) {
  std::vector<Features> rows;
  std::vector<float> labels;
  for (const Example& example : examples) {
    rows.push_back(example.features);
    labels.push_back(example.bought ? 1.0F : 0.0F);
  }
  auto matrix = MakeMatrix(rows);
  if (!matrix) return matrix;
  if (XGDMatrixSetFloatInfo(matrix->get(), "label", labels.data(), labels.size()) != 0) {
    return Error("XGBoost refused the labels: " + LastError());
  }
  return matrix;
}

Result<void> SetParameters(BoosterHandle booster, const ModelSettings& settings) {
  std::map<std::string, std::string> parameters = settings.xgboost;
  parameters.emplace("nthread", "1");
  parameters.emplace("verbosity", "0");
  parameters["objective"] = "binary:logistic";
  parameters["seed"] = std::to_string(settings.seed);
  for (const auto& [name, value] : parameters) {
    if (XGBoosterSetParam(booster, name.c_str(), value.c_str()) != 0) {
      return Error(
          fmt::format("XGBoost refused the parameter {} = {}: {}", name, value, LastError()));
    }
  }
  return {};
}

// XGBoost trains on when it does not know a parameter. It can list those that it knows, though,
// aliases included, so a misspelt one is found here: nothing that a config says is ignored.
Result<void> CheckAllKnown(BoosterHandle booster, const ModelSettings& settings) {
  bst_ulong length = 0;
  const char* text = nullptr;
  if (XGBoosterSaveJsonConfig(booster, &length, &text) != 0) {
    return Error("XGBoost could not list its parameters: " + LastError());
  }
  const std::string_view known(text, length);
  for (const auto& [name, value] : settings.xgboost) {
    if (known.find(fmt::format("\"{}\":\"", name)) == known.npos) {
      return Error(fmt::format("XGBoost knows no parameter \"{}\" for this kind of model", name));
    }
  }
  return {};
}

bool HasOurFeatures(BoosterHandle booster) {
  bst_ulong count = 0;
  const char** names = nullptr;
  return XGBoosterGetStrFeatureInfo(booster, "feature_name", &count, &names) == 0 &&
         std::equal(names, names + count, kFeatureNames.begin(), kFeatureNames.end(),
                    [](std::string_view a, std::string_view b) { return a == b; });
}

// XGBoost 1.7 reads past the end of a binary model that was cut short, so that must not reach it.
// A whole one is an object whose last member is the version, in 25 bytes: the name, a list with its
// length in 8 bytes, three small numbers, and the end of the object.
bool IsWhole(std::string_view model) {
  constexpr std::size_t kVersionBytes = 25;
  return model.size() > kVersionBytes && model.front() == '{' && model.back() == '}' &&
         model.substr(model.size() - kVersionBytes).starts_with("version[");
}

Result<std::string> ReadModelFile(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) {
    return Error(fmt::format("there is no model in {}: run the training first", file.string()));
  }
  std::ifstream stream(file, std::ios::binary);
  std::string model(std::istreambuf_iterator<char>(stream), {});
  if (!stream) return Error(fmt::format("cannot read the model {}", file.string()));
  if (!IsWhole(model)) {
    return Error(fmt::format("{} is not a model, or was cut short", file.string()));
  }
  return model;
}

}  // namespace

void Model::FreeBooster::operator()(void* booster) const { XGBoosterFree(booster); }

Result<Model> Model::Train(std::span<const Example> examples, Date data_date,
                           const ModelSettings& settings) {
  const auto matrix = MakeMatrix(examples);
  if (!matrix) return Error(matrix.error());

  const DMatrixHandle matrix_handle = matrix->get();
  BoosterHandle handle = nullptr;
  if (XGBoosterCreate(&matrix_handle, 1, &handle) != 0) {
    return Error("XGBoost could not begin a model: " + LastError());
  }
  Booster booster(handle);
  if (const auto done = SetParameters(handle, settings); !done) return Error(done.error());

  for (int round = 0; round < settings.rounds; ++round) {
    if (XGBoosterUpdateOneIter(handle, round, matrix_handle) != 0) {
      return Error(fmt::format("XGBoost failed in round {}: {}", round + 1, LastError()));
    }
  }
  if (const auto done = CheckAllKnown(handle, settings); !done) return Error(done.error());

  auto names = kFeatureNames;
  if (XGBoosterSetStrFeatureInfo(handle, "feature_name", names.data(), names.size()) != 0 ||
      XGBoosterSetAttr(handle, kDataDate, FormatDate(data_date).c_str()) != 0) {
    return Error("XGBoost could not describe the model: " + LastError());
  }
  return Model(std::move(booster), data_date);
}

Result<Model> Model::Load(const std::filesystem::path& file) {
  const auto content = ReadModelFile(file);
  if (!content) return Error(content.error());
  BoosterHandle handle = nullptr;
  if (XGBoosterCreate(nullptr, 0, &handle) != 0) {
    return Error("XGBoost could not begin a model: " + LastError());
  }
  Booster booster(handle);
  if (XGBoosterLoadModelFromBuffer(handle, content->data(), content->size()) != 0) {
    return Error(
        fmt::format("{} is not a model that XGBoost can read: {}", file.string(), LastError()));
  }

  const char* text = nullptr;
  int found = 0;
  if (XGBoosterGetAttr(handle, kDataDate, &text, &found) != 0 || found == 0) {
    return Error(fmt::format("{} is a model, but not one of this program", file.string()));
  }
  const auto data_date = ParseDate(text);
  if (!data_date || !HasOurFeatures(handle)) {
    return Error(
        fmt::format("{} was trained by another version of this program, on other "
                    "features: train again",
                    file.string()));
  }
  return Model(std::move(booster), *data_date);
}

Result<void> Model::Save(const std::filesystem::path& file) const {
  bst_ulong length = 0;
  const char* content = nullptr;
  if (XGBoosterSaveModelToBuffer(booster_.get(), R"({"format": "ubj"})", &length, &content) != 0) {
    return Error("XGBoost could not write the model down: " + LastError());
  }
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(content, static_cast<std::streamsize>(length));
  stream.close();
  if (!stream) return Error(fmt::format("cannot write the model {}", file.string()));
  return {};
}

Result<std::vector<float>> Model::Predict(std::span<const Features> features) const {
  const auto matrix = MakeMatrix(features);
  if (!matrix) return Error(matrix.error());
  constexpr const char* kPlainPrediction =
      R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0,
          "strict_shape": false})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* probabilities = nullptr;
  if (XGBoosterPredictFromDMatrix(booster_.get(), matrix->get(), kPlainPrediction, &shape,
                                  &dimensions, &probabilities) != 0) {
    return Error("XGBoost could not predict: " + LastError());
  }
  if (dimensions != 1 || shape[0] != features.size()) {
    return Error("XGBoost predicted something other than one probability a customer");
  }
  return std::vector<float>(probabilities, probabilities + features.size());
}
