#include "config.h"

#include <fmt/core.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

namespace {

using nlohmann::json;

// Takes the keys out of a config one by one. Remembers the first thing that is wrong and says it
// in the end, so that reading a config is a list of its keys and nothing else.
class Settings {
 public:
  explicit Settings(std::filesystem::path file) : file_(std::move(file)) {
    std::ifstream stream(file_);
    if (!stream) {
      Complain("cannot read the config: no such file, or not readable");
      return;
    }
    values_ = json::parse(stream, nullptr, /*allow_exceptions=*/false);
    if (values_.is_discarded()) {
      Complain("is not JSON");
    } else if (!values_.is_object()) {
      Complain("is not a JSON object");
    }
  }

  std::string Text(const char* key) {
    const json value = Take(key);
    if (!value.is_string()) return Complain(key, "must be a text"), "";
    return value.get<std::string>();
  }

  Date Day(const char* key) {
    const auto date = ParseDate(Text(key));
    if (!date) Complain(key, date.error());
    return date.value_or(Date());
  }

  std::int64_t Count(const char* key, std::int64_t min, std::int64_t max) {
    const json value = Take(key);
    if (!value.is_number_integer() || value < min || value > max) {
      return Complain(key, fmt::format("must be a whole number from {} to {}", min, max)), min;
    }
    return value.get<std::int64_t>();
  }

  std::chrono::weeks Weeks(const char* key) {
    return std::chrono::weeks(static_cast<int>(Count(key, 1, 520)));
  }

  // A number between 0 and 1, both excluded.
  double Fraction(const char* key) {
    const json value = Take(key);
    if (!value.is_number() || value <= 0.0 || value >= 1.0) {
      return Complain(key, "must be a number between 0 and 1"), 0.5;
    }
    return value.get<double>();
  }

  // An object of plain values, each as the text that XGBoost expects.
  std::map<std::string, std::string> Parameters(const char* key) {
    std::map<std::string, std::string> parameters;
    const json object = Take(key);
    if (!object.is_object()) Complain(key, "must be an object");
    for (const auto& [name, value] : object.items()) {
      if (value.is_structured() || value.is_null()) {
        Complain(key, fmt::format("\"{}\" must be a number, a text, true or false", name));
      } else if (name == "objective" || name == "seed") {
        Complain(key, fmt::format("\"{}\" is not for this place: the program sets it", name));
      } else {
        parameters[name] = value.is_string() ? value.get<std::string>() : value.dump();
      }
    }
    return parameters;
  }

  // Call last: `config`, or what was wrong with the file.
  template <class Config>
  Result<Config> Finish(Config config) {
    if (complaint_.empty() && !values_.empty()) {
      Complain(values_.begin().key().c_str(), "is unknown");
    }
    if (!complaint_.empty()) return Error(fmt::format("{}: {}", file_.string(), complaint_));
    return config;
  }

 private:
  json Take(const char* key) {
    if (!complaint_.empty()) return nullptr;
    if (!values_.contains(key)) return Complain(key, "is missing"), nullptr;
    json value = values_.at(key);
    values_.erase(key);
    return value;
  }

  void Complain(std::string complaint) {
    if (complaint_.empty()) complaint_ = std::move(complaint);
  }

  void Complain(const char* key, const std::string& what) {
    Complain(fmt::format("\"{}\": {}", key, what));
  }

  std::filesystem::path file_;
  json values_;
  std::string complaint_;
};

}  // namespace

Result<TrainingConfig> ReadTrainingConfig(const std::filesystem::path& file) {
  Settings settings(file);
  TrainingConfig config;
  config.data_file = settings.Text("data");
  config.data_date = settings.Day("data_date");
  config.horizon = settings.Weeks("horizon_weeks");
  config.cutoff_step = settings.Weeks("cutoff_step_weeks");
  config.holdout_fraction = settings.Fraction("holdout_fraction");
  config.model.seed = static_cast<std::uint32_t>(settings.Count("seed", 0, 2'000'000'000));
  config.model.rounds = static_cast<int>(settings.Count("rounds", 1, 10'000));
  config.model.xgboost = settings.Parameters("xgboost");
  return settings.Finish(config);
}

Result<ApplicationConfig> ReadApplicationConfig(const std::filesystem::path& file) {
  Settings settings(file);
  ApplicationConfig config;
  config.data_file = settings.Text("data");
  config.data_date = settings.Day("data_date");
  config.threshold = settings.Fraction("threshold");
  return settings.Finish(config);
}

Result<EvaluationConfig> ReadEvaluationConfig(const std::filesystem::path& file) {
  Settings settings(file);
  EvaluationConfig config;
  config.data_file = settings.Text("data");
  config.data_date = settings.Day("data_date");
  config.horizon = settings.Weeks("horizon_weeks");
  return settings.Finish(config);
}
