#include "model.h"

#include <gtest/gtest.h>

#include "test_folder.h"

namespace {

const Date kDataDate = ParseDate("1997-07-01").value();

// Those who have bought often buy again.
std::vector<Example> Examples() {
  std::vector<Example> examples;
  for (int i = 0; i < 200; ++i) {
    Features features;
    features.frequency = static_cast<float>(i % 10);
    features.days_since_last = static_cast<float>(i * 37 % 101);
    examples.push_back({features, i % 10 > 6});
  }
  return examples;
}

std::vector<Features> FeaturesOf(const std::vector<Example>& examples) {
  std::vector<Features> features;
  for (const auto& example : examples) features.push_back(example.features);
  return features;
}

Result<Model> TrainWith(std::map<std::string, std::string> parameters) {
  return Model::Train(Examples(), kDataDate, {20, 1, std::move(parameters)});
}

TEST(Model, LearnsWhoBuysAgain) {
  const auto model = TrainWith({});
  ASSERT_TRUE(model) << model.error();
  const auto probabilities = model->Predict(FeaturesOf(Examples()));
  ASSERT_TRUE(probabilities) << probabilities.error();
  for (std::size_t i = 0; i < probabilities->size(); ++i) {
    EXPECT_EQ((*probabilities)[i] > 0.5F, Examples()[i].bought) << i;
  }
}

TEST(Model, ThatWasSavedAndLoadedPredictsTheSame) {
  const TestFolder folder;
  const auto model = TrainWith({});
  ASSERT_TRUE(model) << model.error();
  ASSERT_TRUE(model->Save(folder / "model.ubj"));
  const auto loaded = Model::Load(folder / "model.ubj");
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->DataDate(), kDataDate);
  EXPECT_EQ(loaded->Predict(FeaturesOf(Examples())), model->Predict(FeaturesOf(Examples())));
}

TEST(Model, ThatCannotBeWrittenIsAnError) {
  const auto model = TrainWith({});
  ASSERT_TRUE(model) << model.error();
  const auto full = model->Save("/dev/full");  // as a full disk answers
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error(), "cannot write the model /dev/full");
}

TEST(Model, ThatIsNotThereIsNamed) {
  const auto model = Model::Load("nowhere/model.ubj");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error(), "there is no model in nowhere/model.ubj: run the training first");
}

TEST(Model, ThatWasCutShortAnywhereIsRefused) {
  const TestFolder folder;
  const auto model = TrainWith({});
  ASSERT_TRUE(model) << model.error();
  ASSERT_TRUE(model->Save(folder / "model.ubj"));
  const std::string whole = ReadFile(folder / "model.ubj");
  // Every length would take seconds: all of the last hundred, and one in 17 before.
  for (std::size_t size = 0; size < whole.size(); size += size + 100 < whole.size() ? 17 : 1) {
    const auto broken = Model::Load(folder.Write("broken.ubj", whole.substr(0, size)));
    ASSERT_FALSE(broken) << size << " of " << whole.size() << " bytes";
  }
}

TEST(Model, ThatIsSomethingElseIsRefused) {
  const TestFolder folder;
  const auto model = Model::Load(folder.Write("model.ubj", "customer_id,probability\n"));
  ASSERT_FALSE(model);
  EXPECT_TRUE(model.error().ends_with("model.ubj is not a model, or was cut short"))
      << model.error();
}

TEST(Model, RefusesAParameterThatXgboostDoesNotKnow) {
  const auto model = TrainWith({{"max_dpeth", "3"}});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error(), "XGBoost knows no parameter \"max_dpeth\" for this kind of model");
  EXPECT_TRUE(TrainWith({{"max_depth", "3"}, {"eta", "0.1"}, {"lambda", "2"}, {"nthread", "2"}}));
}

TEST(Model, RefusesAValueThatXgboostCannotUse) {
  const auto model = TrainWith({{"max_depth", "three"}});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().find('\n'), std::string::npos) << model.error();
  EXPECT_NE(model.error().find("max_depth"), std::string::npos) << model.error();
}

}  // namespace
