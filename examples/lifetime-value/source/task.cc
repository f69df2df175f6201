#include "task.h"

#include <fmt/core.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "features.h"
#include "metrics.h"
#include "model.h"
#include "purchases.h"
#include "serving.h"

namespace {

// Whether a customer is held out: the same answer for the same id and seed, always and everywhere.
// FNV-1a (Fowler, Noll, Vo), then the finalizer of MurmurHash3 (Appleby) for even high bits.
bool IsHeldOut(std::string_view customer_id, std::uint32_t seed, double fraction) {
  std::uint64_t hash = 14695981039346656037U ^ seed;
  for (const char c : customer_id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53U;
  hash ^= hash >> 33;
  return static_cast<double>(hash >> 11) * 0x1.0p-53 < fraction;
}

struct Examples {
  std::vector<Example> learned;   // of customers not held out, at all cut-offs
  std::vector<Example> held_out;  // at the latest cut-off
  int cutoffs = 0;                // with at least one customer
};

Examples MakeExamples(const std::vector<Customer>& customers, const TrainingConfig& config) {
  Examples examples;
  const Date latest = config.data_date - config.horizon;
  for (Date cutoff = latest;; cutoff -= config.cutoff_step) {
    bool anyone = false;
    for (const Customer& customer : customers) {
      const auto features = FeaturesAt(customer, cutoff);
      if (!features) continue;
      anyone = true;
      const Example example{*features, BuysWithin(customer, cutoff, config.horizon)};
      if (!IsHeldOut(customer.id, config.model.seed, config.holdout_fraction)) {
        examples.learned.push_back(example);
      } else if (cutoff == latest) {
        examples.held_out.push_back(example);
      }
    }
    if (!anyone) return examples;
    ++examples.cutoffs;
  }
}

// There is something to learn, or to measure, only where some bought and some did not.
Result<void> CheckBothClasses(const std::vector<Example>& examples, const char* which,
                              const TrainingConfig& config) {
  std::size_t bought = 0;
  for (const Example& example : examples) bought += example.bought ? 1 : 0;
  if (bought > 0 && bought < examples.size()) return {};
  return Error(fmt::format(
      "not enough history in {} up to {}: of the {} {} examples, {} bought within {} weeks; "
      "some must, and some must not",
      config.data_file.string(), FormatDate(config.data_date), examples.size(), which, bought,
      config.horizon.count()));
}

Result<std::vector<Scored>> Score(const Model& model, const std::vector<Example>& examples) {
  std::vector<Features> features;
  for (const Example& example : examples) features.push_back(example.features);
  const auto probabilities = model.Predict(features);
  if (!probabilities) return Error(probabilities.error());
  std::vector<Scored> scored;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    scored.push_back({(*probabilities)[i], examples[i].bought});
  }
  return scored;
}

Result<void> MakeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return Error(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  }
  return {};
}

Result<void> WriteFile(const std::filesystem::path& file, std::string_view content) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) return Error(fmt::format("cannot write {}", file.string()));
  return {};
}

std::string NobodyKnown(const std::filesystem::path& data_file, Date date) {
  return fmt::format("no customer in {} has bought by {}", data_file.string(), FormatDate(date));
}

}  // namespace

Result<void> Train(const TrainingConfig& config, const std::filesystem::path& output) {
  const auto customers = ReadPurchases(config.data_file, config.data_date);
  if (!customers) return Error(customers.error());
  const Examples examples = MakeExamples(*customers, config);
  if (examples.learned.empty()) {
    return Error(NobodyKnown(config.data_file, config.data_date - config.horizon) +
                 fmt::format(", {} weeks before the data date", config.horizon.count()));
  }
  if (auto enough = CheckBothClasses(examples.learned, "training", config); !enough) return enough;
  if (auto enough = CheckBothClasses(examples.held_out, "held-out", config); !enough) return enough;

  const auto model = Model::Train(examples.learned, config.data_date, config.model);
  if (!model) return Error(model.error());
  const auto scored = Score(*model, examples.held_out);
  if (!scored) return Error(scored.error());
  const double auc = AreaUnderCurve(*scored);
  const double log_loss = LogLoss(*scored);
  const double base_rate = BaseRate(*scored);

  if (auto made = MakeFolder(output); !made) return made;
  if (auto saved = model->Save(output / "model.ubj"); !saved) return saved;
  auto written = WriteFile(output / "metrics.json",
                           fmt::format("{{\"auc\": {:.6f}, \"log_loss\": {:.6f}, "
                                       "\"base_rate\": {:.6f}, \"rows\": {}, "
                                       "\"rows_holdout\": {}, \"cutoffs\": {}}}\n",
                                       auc, log_loss, base_rate, examples.learned.size(),
                                       examples.held_out.size(), examples.cutoffs));
  if (!written) return written;
  std::vector<Features> held_out;
  for (const Example& example : examples.held_out) held_out.push_back(example.features);
  if (auto done = WriteForServing(output / "model.ubj", held_out); !done) return done;
  fmt::print(
      "Learned from {} examples (cut-offs: {}, the latest {}). On {} customers held out: "
      "AUC {:.3f}, log loss {:.3f}, base rate {:.3f}.\n",
      examples.learned.size(), examples.cutoffs, FormatDate(config.data_date - config.horizon),
      examples.held_out.size(), auc, log_loss, base_rate);
  return {};
}

Result<void> Apply(const ApplicationConfig& config, const std::filesystem::path& output) {
  const auto model = Model::Load(output / "model.ubj");
  if (!model) return Error(model.error());
  if (model->DataDate() > config.data_date) {
    fmt::print(stderr,
               "Note: the model has learned from purchases up to {}, later than the data date {}: "
               "do not judge it by these predictions.\n",
               FormatDate(model->DataDate()), FormatDate(config.data_date));
  }
  const auto customers = ReadPurchases(config.data_file, config.data_date);
  if (!customers) return Error(customers.error());
  if (customers->empty()) return Error(NobodyKnown(config.data_file, config.data_date));

  std::vector<Features> features;
  for (const Customer& customer : *customers) {
    features.push_back(*FeaturesAt(customer, config.data_date));
  }
  const auto probabilities = model->Predict(features);
  if (!probabilities) return Error(probabilities.error());

  std::string csv = "customer_id,probability,label\n";
  std::size_t expected = 0;
  for (std::size_t i = 0; i < customers->size(); ++i) {
    const float probability = (*probabilities)[i];
    const bool label = probability >= config.threshold;
    expected += label ? 1 : 0;
    csv += fmt::format("{},{},{}\n", (*customers)[i].id, probability, label);
  }
  if (auto made = MakeFolder(output); !made) return made;
  if (auto written = WriteFile(output / "predictions.csv", csv); !written) return written;
  fmt::print("{} customers known at {}; {} expected to buy again.\n", customers->size(),
             FormatDate(config.data_date), expected);
  return {};
}

Result<void> Evaluate(const EvaluationConfig& config, const std::filesystem::path& output) {
  const auto customers = ReadPurchases(config.data_file, config.data_date);
  if (!customers) return Error(customers.error());
  const Date prediction_date = config.data_date - config.horizon;
  const std::string prediction_day = FormatDate(prediction_date);

  std::string csv = "prediction_date,customer_id,bought\n";
  int known = 0;
  int bought = 0;
  for (const Customer& customer : *customers) {
    if (customer.purchases.front().date > prediction_date) continue;
    const bool buys = BuysWithin(customer, prediction_date, config.horizon);
    ++known;
    bought += buys ? 1 : 0;
    csv += fmt::format("{},{},{}\n", prediction_day, customer.id, buys);
  }
  if (known == 0) return Error(NobodyKnown(config.data_file, prediction_date));
  if (auto made = MakeFolder(output); !made) return made;
  if (auto written = WriteFile(output / "outcomes.csv", csv); !written) return written;
  fmt::print("{} of the {} customers known at {} bought again by {}.\n", bought, known,
             prediction_day, FormatDate(config.data_date));
  return {};
}
