// A model of XGBoost's, from its file to its answers; and files that are none. What the answers of
// XGBoost itself are is in golden_test.cc and tests/parity_test.py.
#include "predict/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "io/test_folder.h"
#include "predict/test_model.h"
#include "predict/xgboost_file.h"

namespace busker::predict {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class ModelTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Model>> Load(const std::string& text, const Signature& signature = {}) {
    return LoadModel(folder_.Write("model.json", text), signature);
  }
  std::vector<float> Ask(const std::string& text, std::vector<float> row,
                         const Signature& signature = {}) {
    const auto model = Load(text, signature);
    EXPECT_TRUE(model) << (model ? "" : model.error().message);
    if (!model) return {};
    std::vector<float> answers((*model)->outputs() * row.size() / (*model)->columns());
    (*model)->Predict(row, answers);
    return answers;
  }
  std::string FaultOf(const std::string& text, const Signature& signature = {}) {
    const auto model = Load(text, signature);
    return model ? "nothing" : model.error().message;
  }

  io::TestFolder folder_;
};

TEST_F(ModelTest, GoesLeftBelowTheThresholdAloneAndWithWhatIsMissing) {
  const float threshold = 1.5f;
  const std::string text = TestModel().Json();
  const float left = 0.5f - 1 + 0.25f, right = 0.5f + 2 + 0.25f;
  EXPECT_EQ(Ask(text, {threshold, 0}), std::vector<float>{right});
  EXPECT_EQ(Ask(text, {std::nextafter(threshold, 0.0f), 0}), std::vector<float>{left});
  EXPECT_EQ(Ask(text, {kNaN, 0}), std::vector<float>{left});
  EXPECT_EQ(Ask(text, {-std::numeric_limits<float>::infinity(), 0}), std::vector<float>{left});
  EXPECT_EQ(Ask(text, {std::numeric_limits<float>::infinity(), 0}), std::vector<float>{right});

  TestModel other;
  other.default_left = "[0,0,0]";
  EXPECT_EQ(Ask(other.Json(), {kNaN, 0}), std::vector<float>{right});
  EXPECT_EQ(Ask(other.Json(), {std::nextafter(threshold, 0.0f), 0}), std::vector<float>{left});
  EXPECT_EQ(Ask(other.Json(), {threshold, 0}), std::vector<float>{right});
}

TEST_F(ModelTest, ZeroHasOneSideWhateverItsSign) {
  for (const char* default_left : {"[0,0,0]", "[1,0,0]"}) {
    TestModel model;
    model.default_left = default_left;
    model.conditions = "[0,-1E0,2E0]";
    EXPECT_EQ(Ask(model.Json(), {-0.0f, 0}), Ask(model.Json(), {0.0f, 0}));
    EXPECT_NE(Ask(model.Json(), {-1e-45f, 0}), Ask(model.Json(), {0.0f, 0}));
    model.conditions = "[-0.0,-1E0,2E0]";
    EXPECT_EQ(Ask(model.Json(), {-0.0f, 0}), Ask(model.Json(), {0.0f, 0}));
    EXPECT_NE(Ask(model.Json(), {-1e-45f, 0}), Ask(model.Json(), {-0.0f, 0}));
  }
}

TEST_F(ModelTest, AnswersRowsAtOnceAsOneByOne) {
  const auto model = Load(TestModel().Json());
  ASSERT_TRUE(model) << model.error().message;
  std::vector<float> rows, answers(101);
  for (int i = 0; i < 101; ++i) rows.insert(rows.end(), {static_cast<float>(i % 4), 0});
  (*model)->Predict(rows, answers);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i], Ask(TestModel().Json(), {rows[2 * i], 0})[0]);
  }
}

// Nodes of 8 bytes have no room for so great a column: others are taken, which answer the same.
TEST_F(ModelTest, AModelMayBeVeryWide) {
  TestModel wide;
  wide.features = "40000";
  wide.columns = "[39999,0,0]";
  const auto model = Load(wide.Json());
  ASSERT_TRUE(model) << model.error().message;
  constexpr std::size_t kRows = 20;
  std::vector<float> rows(kRows * 40000, 0.0f), answers(kRows);
  for (std::size_t i = 0; i < kRows; ++i) rows[i * 40000 + 39999] = i % 2 == 0 ? 1.0f : 2.0f;
  rows[39999] = kNaN;
  (*model)->Predict(rows, answers);
  for (std::size_t i = 0; i < kRows; ++i) EXPECT_EQ(answers[i], i % 2 == 0 ? -0.25f : 2.75f) << i;
}

// A chain of 200 splits, which no eight steps walk: each row ends at its own leaf.
TEST_F(ModelTest, ATreeMayBeVeryDeep) {
  constexpr int kDepth = 200;
  std::string left = "[", right = "[", columns = "[", conditions = "[", default_left = "[";
  for (int i = 0; i < kDepth; ++i) {  // node 2i splits below i: left is leaf 2i + 1
    left += std::to_string(2 * i + 1) + ",-1,";
    right += std::to_string(2 * i + 2) + ",-1,";
    conditions += std::to_string(i) + "," + std::to_string(1000 + i) + ",";
    columns += "0,0,";
    default_left += "0,0,";
  }
  TestModel deep;
  deep.left = left + "-1]";
  deep.right = right + "-1]";
  deep.conditions = conditions + "2000]";
  deep.columns = columns + "0]";
  deep.default_left = default_left + "0]";
  deep.base_score = "[0]";
  const auto model = Load(deep.Json());
  ASSERT_TRUE(model) << model.error().message;
  std::vector<float> rows, answers(kDepth + 2);
  for (int i = 0; i < kDepth + 2; ++i) {
    rows.insert(rows.end(), {static_cast<float>(i) - 0.5f, 0});
  }
  (*model)->Predict(rows, answers);
  for (int i = 0; i < kDepth + 2; ++i) {
    const float leaf = i < kDepth ? 1000.0f + static_cast<float>(i) : 2000.0f;
    EXPECT_EQ(answers[static_cast<std::size_t>(i)], leaf + 0.25f) << i;
  }
}

TEST_F(ModelTest, TheSignatureSaysHowManyRoundsAndWhatIsMissing) {
  Signature signature;
  signature.iterations = 1;
  EXPECT_EQ(Ask(TestModel().Json(), {2, 0}, signature), std::vector<float>{2.5f});
  signature.iterations = 3;
  EXPECT_EQ(FaultOf(TestModel().Json(), signature),
            "model.json: the signature says 3 iterations, and the model has 2");
  signature.iterations.reset();
  signature.missing_value = 2.0f;
  EXPECT_EQ(Ask(TestModel().Json(), {2, 0}, signature), std::vector<float>{-0.25f});
  EXPECT_EQ(Ask(TestModel().Json(), {3, 0}, signature), std::vector<float>{2.75f});
  EXPECT_EQ(Ask(TestModel().Json(), {kNaN, 0}, signature), std::vector<float>{-0.25f});
}

TEST_F(ModelTest, SaysWhatItIsAndWhatItTakes) {
  TestModel text;
  text.objective = "binary:logistic";
  text.learner_more = R"("feature_names":["age","plan"],"feature_types":["int","c"],)";
  text.model_more = R"("cats":{"enc":[{"offsets":[],"values":[]},)"
                    R"({"offsets":[0,4,8],"values":[102,114,101,101,112,97,105,100]}],)"
                    R"("feature_segments":[0,0,2],"sorted_idx":[0,1]},)";
  const auto model = Load(text.Json());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->Describe(), "XGBoost 3.2.0, binary:logistic, 2 trees");
  EXPECT_EQ((*model)->columns(), 2u);
  EXPECT_EQ((*model)->outputs(), 1u);
  const Signature& signature = (*model)->of_itself();
  ASSERT_EQ(signature.inputs.size(), 2u);
  EXPECT_EQ(signature.inputs[0].name, "age");
  EXPECT_EQ(signature.inputs[0].type, Type::kInteger);
  EXPECT_EQ(signature.inputs[1].type, Type::kCategory);
  EXPECT_EQ(signature.inputs[1].categories, (std::vector<std::string>{"free", "paid"}));
}

// XGBoost 3.2 cut the text of a category by half a letter, and the model was refused for it.
TEST_F(ModelTest, CategoriesThatXgboostCutsAreTheSignaturesToSay) {
  TestModel text;
  text.learner_more = R"("feature_names":["age","plan"],"feature_types":["int","c"],)";
  const auto with = [&](const char* offsets, const char* values) {
    text.model_more = std::string(R"("cats":{"enc":[{"offsets":[],"values":[]},{"offsets":)") +
                      offsets + R"(,"values":)" + values +
                      R"(}],"feature_segments":[0,0,1],"sorted_idx":[0]},)";
    return Load(text.Json());
  };
  const auto cut = with("[0,1]", "[-61]");
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_EQ((*cut)->of_itself().inputs[1].type, Type::kInteger);
  const auto said = ParseSignature(
      R"({"inputs": [{"name": "plan", "type": "category", "categories": ["\u00e9"]}]})",
      (*cut)->of_itself());
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_EQ(said->inputs[1].categories, std::vector<std::string>{"\xC3\xA9"});

  text.version = "[3,4,1]";
  const auto whole = with("[0,2]", "[-61,-87]");
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ((*whole)->of_itself().inputs[1].categories, std::vector<std::string>{"\xC3\xA9"});
  EXPECT_FALSE(with("[0,1]", "[-61]"));
}

TEST_F(ModelTest, AModelWithoutNamesHasNone) {
  const auto model = Load(TestModel().Json());
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ((*model)->of_itself().inputs.size(), 2u);
  EXPECT_EQ((*model)->of_itself().inputs[0].name, "");
}

TEST_F(ModelTest, RefusesWhatItDoesNotKnowByItsName) {
  TestModel newer, objective, leaf_vector, key, base;
  newer.version = "[3,5,0]";
  EXPECT_EQ(FaultOf(newer.Json()),
            "model.json: XGBoost 3.5.0 wrote it; known here are the versions 1.0 to 3.4");
  objective.objective = "reg:mine";
  EXPECT_EQ(FaultOf(objective.Json()),
            "model.json: its objective is \"reg:mine\", which is none that is known here");
  key.learner_more = R"("shapes":[1,2],)";
  EXPECT_EQ(FaultOf(key.Json()),
            "model.json: learner: learner has a key that is not known here, \"shapes\"");
  leaf_vector.tree_more = R"("leaf_weights":[],)";
  EXPECT_NE(FaultOf(leaf_vector.Json()).find("vectors"), std::string::npos);
  base.objective = "binary:logistic";
  base.base_score = "[2]";
  EXPECT_NE(FaultOf(base.Json()).find("base_score is 2"), std::string::npos);
  const std::string linear =
      R"({"learner":{"gradient_booster":{"model":{"weights":[1.0]},"name":"gblinear"}}})";
  EXPECT_NE(FaultOf(linear).find("gblinear"), std::string::npos) << FaultOf(linear);
}

TEST_F(ModelTest, RefusesTreesThatAreNone) {
  const auto fault = [&](std::string TestModel::*list, const char* value) {
    TestModel model;
    model.*list = value;
    return FaultOf(model.Json());
  };
  const std::string place = "model.json: learner: gradient_booster: model: trees: tree 0: ";
  EXPECT_EQ(fault(&TestModel::left, "[0,-1,-1]"), place + "node 0: its child 0 has another parent");
  EXPECT_EQ(fault(&TestModel::left, "[2,-1,-1]"), place + "node 0: its child 2 has another parent");
  EXPECT_EQ(fault(&TestModel::left, "[3,-1,-1]"), place + "node 0: its child 3 is not there");
  EXPECT_EQ(fault(&TestModel::left, "[-7,-1,-1]"), place + "node 0: its child -7 is not there");
  EXPECT_EQ(fault(&TestModel::left, "[-1,-1,-1]"), place + "node 0: its child -1 is not there");
  EXPECT_EQ(fault(&TestModel::left, "[1,-1]"),
            place + "right_children has 3 entries, where left_children has 2");
  EXPECT_EQ(fault(&TestModel::left, "[]"), place + "it has no nodes");
  EXPECT_EQ(fault(&TestModel::columns, "[-1,0,0]"),
            place + "node 0: it asks input -1, which is not there");
  EXPECT_EQ(fault(&TestModel::columns, "[2,0,0]"),
            "model.json: a tree asks input 2, and there are 2");
  EXPECT_EQ(fault(&TestModel::tree_info, "[0]"),
            "model.json: tree_info has 1 entries, and there are 2 trees");
  EXPECT_EQ(fault(&TestModel::tree_info, "[0,1]"),
            "model.json: tree_info names output 1, and there are 1");
  EXPECT_NE(fault(&TestModel::left, "[1e0,-1,-1]").find("a whole number is expected"),
            std::string::npos);
}

TEST_F(ModelTest, RefusesAFileThatIsCutOffWherever) {
  const std::string text = TestModel().Json();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ReadXgboostFile(std::string_view(text).substr(0, size))) << size;
  }
  EXPECT_TRUE(ReadXgboostFile(text + " \n"));
  EXPECT_FALSE(ReadXgboostFile(text + "{}"));
}

}  // namespace
}  // namespace busker::predict
