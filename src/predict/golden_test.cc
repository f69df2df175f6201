// Models that XGBoost of several versions trained, with its own answers (testdata, made by
// tests/parity_models.py): not a bit may differ; and each of the usual mistakes of those who walk
// trees themselves is noticed by such a sample.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "io/file.h"
#include "predict/model.h"
#include "predict/sample.h"
#include "predict/trees_add.h"
#include "predict/xgboost_file.h"
#include "predict/xgboost_model.h"

namespace busker::predict {
namespace {

const io::fs::path kFolder = BUSKER_SOURCE "/src/predict/testdata";

std::vector<float> Floats(const io::fs::path& file) {
  const std::string bytes = io::ReadFile(file).value_or("");
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
  return floats;
}

Sample SampleOf(const std::string& name, std::size_t columns) {
  Sample sample{Floats(kFolder / (name + ".rows")), Floats(kFolder / (name + ".answers")), 0};
  sample.size = sample.rows.size() / columns;
  return sample;
}

TEST(Golden, AnswersHaveTheBitsOfTheVersionThatTrained) {
  std::size_t models = 0;
  for (const auto& entry : io::fs::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".ubj" && entry.path().extension() != ".json") continue;
    SCOPED_TRACE(entry.path().filename().string());
    const auto model = LoadModel(entry.path());
    ASSERT_TRUE(model) << model.error().message;
    const Sample sample = SampleOf(entry.path().stem().string(), (*model)->columns());
    ASSERT_EQ(sample.size, 40u);
    const auto checked = CheckSample(**model, sample);
    EXPECT_TRUE(checked) << checked.error().message;
    ++models;
  }
  EXPECT_GE(models, 20u);
}

// A runtime like ours, but for what a test changes of it.
struct Mistakes {
  bool below_or_equal = false, base_last = false, missing_is_great = false;
  bool logistic_in_double = false, softmax_in_float = false;  // where XGBoost does the other
  std::optional<std::size_t> trees = std::nullopt;
};

struct BelowOrEqual {
  static bool IsBelow(Key key, Key threshold) { return key <= threshold; }
};

// "[4.1E-1,2E0]"
std::vector<float> BaseOf(const std::string& list) {
  std::vector<float> base;
  std::istringstream words(list.substr(1));
  for (std::string word; std::getline(words, word, ',');) base.push_back(std::stof(word));
  return base;
}

class MistakenModel final : public Model {
 public:
  MistakenModel(const std::string& name, Mistakes mistakes) : mistakes_(mistakes) {
    XgboostFile file =
        ReadXgboostFile(io::ReadFile(kFolder / (name + ".ubj")).value_or("")).value();
    columns_ = file.columns;
    objective_ = Objective::Find(file.objective, file.version).value();
    base_ = BaseOf(file.base_score);
    EXPECT_TRUE(objective_->ToMargins(base_));
    Trees::Use use;
    use.outputs.assign(file.tree_outputs.begin(), file.tree_outputs.end());
    use.columns = columns_;
    use.trees = mistakes.trees.value_or(file.trees.size());
    trees_ = std::move(file.trees);
    trees_.Finish(std::move(use));
  }

  const Signature& of_itself() const override { return signature_; }
  std::string Describe() const override { return "mistaken"; }
  std::size_t columns() const override { return columns_; }
  std::size_t outputs() const override { return base_.size(); }
  void Predict(std::span<const float> rows, std::span<float> out) const override {
    std::vector<float> taken(rows.begin(), rows.end());
    for (float& value : taken) {
      if (mistakes_.missing_is_great && std::isnan(value)) value = 3e38f;
    }
    const std::size_t width = base_.size(), count = out.size() / width;
    const auto base = [&](std::size_t i) { return base_[i % width]; };
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = mistakes_.base_last ? 0.0f : base(i);
    if (mistakes_.below_or_equal) {
      trees_.AddUpBy<BelowOrEqual>(taken.data(), count, columns_, out.data(), width);
    } else {
      trees_.AddUp(taken.data(), count, columns_, out.data(), width);
    }
    for (std::size_t i = 0; mistakes_.base_last && i < out.size(); ++i) out[i] += base(i);
    for (std::size_t i = 0; i < count; ++i) Answer(out.subspan(i * width, width));
  }

 private:
  void Answer(std::span<float> sums) const {
    if (mistakes_.logistic_in_double) {
      sums[0] = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(sums[0]))));
    } else if (mistakes_.softmax_in_float) {
      const float greatest = *std::max_element(sums.begin(), sums.end());
      float total = 0;
      for (float& sum : sums) total += sum = expf(sum - greatest);
      for (float& sum : sums) sum /= total;
    } else {
      objective_->Answer(sums, sums);
    }
  }

  Mistakes mistakes_;
  std::optional<Objective> objective_;
  std::vector<float> base_;
  Trees trees_;
  std::size_t columns_ = 0;
  Signature signature_;
};

bool IsNoticed(Mistakes mistakes, const std::string& name = "3.2.0-logistic") {
  const MistakenModel model(name, mistakes);
  return !CheckSample(model, SampleOf(name, model.columns()));
}

TEST(Sample, NoticesTheUsualMistakes) {
  EXPECT_FALSE(IsNoticed({}));
  EXPECT_TRUE(IsNoticed({.below_or_equal = true}));
  EXPECT_TRUE(IsNoticed({.base_last = true}));
  EXPECT_TRUE(IsNoticed({.missing_is_great = true}));
  EXPECT_TRUE(IsNoticed({.logistic_in_double = true}));
  EXPECT_TRUE(IsNoticed({.trees = 3}));
  EXPECT_FALSE(IsNoticed({}, "3.2.0-softprob"));
  EXPECT_TRUE(IsNoticed({.softmax_in_float = true}, "3.2.0-softprob"));
}

}  // namespace
}  // namespace busker::predict
