// What signature.json says goes over what the model says of itself, and what is wrong in it is told
// with its place: a column that is silently another is what none of this may let pass.
#include "predict/signature.h"

#include <gtest/gtest.h>

namespace busker::predict {
namespace {

Signature OfModel(std::vector<std::string> names) {
  Signature signature;
  for (std::string& name : names) signature.inputs.emplace_back().name = std::move(name);
  signature.outputs = {"prediction"};
  return signature;
}

TEST(Signature, GoesByNameOverAModelThatNamesItsInputs) {
  const auto read = ParseSignature(R"({"inputs": [
      {"name": "plan", "type": "category", "categories": ["free", "paid"], "unseen": "missing"},
      {"name": "age", "missing": true}],
    "missing": -999, "iterations": 12, "outputs": ["probability"], "extra": "ignore",
    "model": "model.ubj"})",
                                   OfModel({"age", "visits", "plan"}));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->inputs.size(), 3u);
  EXPECT_EQ(read->inputs[0].name, "age");
  EXPECT_TRUE(read->inputs[0].missing);
  EXPECT_EQ(read->inputs[1].name, "visits");
  EXPECT_FALSE(read->inputs[1].missing);
  EXPECT_EQ(read->inputs[2].type, Type::kCategory);
  EXPECT_EQ(read->inputs[2].categories, (std::vector<std::string>{"free", "paid"}));
  EXPECT_EQ(read->inputs[2].unseen, Unseen::kMissing);
  EXPECT_EQ(read->missing_value, -999.0f);
  EXPECT_EQ(read->iterations, 12u);
  EXPECT_EQ(read->outputs, std::vector<std::string>{"probability"});
  EXPECT_FALSE(read->refuses_extra);
  EXPECT_EQ(read->model, "model.ubj");
}

TEST(Signature, IsTheOrderOfAModelThatNamesNothing) {
  const auto read = ParseSignature(R"({"inputs": [{"name": "b"}, {"name": "a", "type": "date"}]})",
                                   OfModel({"", ""}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->inputs[0].name, "b");
  EXPECT_EQ(read->Find("a"), 1u);
  EXPECT_EQ(read->Find("c"), std::nullopt);
  EXPECT_EQ(read->inputs[1].type, Type::kDate);
}

TEST(Signature, IsReadBackAsItWasWritten) {
  Signature signature = OfModel({"age", "plan"});
  signature.inputs[0].missing = true;
  signature.inputs[1].type = Type::kCategory;
  signature.inputs[1].categories = {"fr\"ee", "\xC3\xA9"};
  signature.inputs[1].unseen = Unseen::kMissing;
  signature.missing_value = -0.1f;
  signature.iterations = 3;
  signature.refuses_extra = false;
  signature.model = "m.json";
  const std::string text = ToJson(signature);
  const auto read = ParseSignature(text, OfModel({"", ""}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(ToJson(*read), text);
  EXPECT_EQ(read->missing_value, -0.1f);
}

TEST(Signature, TellsWhatIsWrongWithItsPlace) {
  const Signature named = OfModel({"age", "plan"}), unnamed = OfModel({"", ""});
  const auto fault = [](const std::string& text, const Signature& of_model) {
    const auto read = ParseSignature(text, of_model);
    return read ? "nothing" : read.error().message;
  };
  EXPECT_EQ(fault(R"({"inptus": []})", named),
            "signature.json: it: there is no key \"inptus\", did you mean \"inputs\"?");
  EXPECT_EQ(fault(R"({"inputs": [{"name": "agee"}]})", named),
            "signature.json: inputs[0]: the model has no input \"agee\"");
  EXPECT_EQ(fault(R"({"inputs": [{"name": "age"}, {"name": "age"}]})", named),
            "signature.json: inputs[1]: \"age\" is there twice");
  EXPECT_EQ(fault("{}", unnamed),
            "signature.json: inputs: the model does not name its 2 inputs: list them here, in the "
            "order of its columns");
  EXPECT_EQ(fault(R"({"inputs": [{"name": "a"}]})", unnamed),
            "signature.json: inputs: the model takes 2 inputs and does not name them, and here are "
            "1");
  EXPECT_EQ(fault(R"({"inputs": [{"name": "age", "type": "category"}]})", named),
            "signature.json: inputs[0].categories: a category needs the list of its texts, in the "
            "order of the codes that the model was trained with");
  EXPECT_EQ(fault(R"({"inputs": [{"name": "age", "unseen": "missing"}]})", named),
            "signature.json: inputs[0].unseen: it is for the type \"category\" alone");
  EXPECT_EQ(fault(R"({"outputs": ["a", "b"]})", named),
            "signature.json: outputs: the model gives 1, and 2 are named");
  for (const char* text :
       {"",
        "[]",
        "{",
        "3",
        R"({"inputs": {}})",
        R"({"inputs": [3]})",
        R"({"inputs": [{}]})",
        R"({"inputs": [{"name": 3}]})",
        R"({"inputs": [{"name": ""}]})",
        R"({"inputs": [{"name": "age", "type": "float"}]})",
        R"({"inputs": [{"name": "age", "missing": 1}]})",
        R"({"inputs": [{"name": "age", "type": "category", "categories": ["a", "a"]}]})",
        R"({"missing": "NaN"})",
        R"({"missing": 1e60})",
        R"({"iterations": 0})",
        R"({"iterations": -1})",
        R"({"iterations": 1.5})",
        R"({"outputs": []})",
        R"({"extra": "drop"})",
        R"({"extra": true})",
        R"({"model": ""})",
        R"({"extra": "refuse", "extra": "ignore"})"}) {
    EXPECT_NE(fault(text, named), "nothing") << text;
  }
}

}  // namespace
}  // namespace busker::predict
