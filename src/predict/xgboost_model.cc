#include "predict/xgboost_model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "predict/ranked_trees.h"

namespace busker::predict {
namespace {

constexpr std::uint64_t kFileBytesMax = 2ull << 30;
// A row's sums are on the stack up to here.
constexpr std::size_t kSumsOnStack = 64;

// Until 1.1, base_score is written with six decimals, and read as a whole and a fraction that are
// rounded each by itself.
Result<float> OldNumber(std::string_view text) {
  std::uint64_t whole = 0, decimals = 0;
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto read = [](std::string_view digits, std::uint64_t& to) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  const bool is_negative = text.starts_with('-');
  const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  if (!read(text.substr(is_negative ? 1 : 0, point - (is_negative ? 1 : 0)), whole) ||
      fraction.size() > 19 || (!fraction.empty() && !read(fraction, decimals))) {
    return Invalid("base_score is not a number");
  }
  const double scale = std::pow(10.0, static_cast<double>(fraction.size()));
  const float value =
      static_cast<float>(whole) + static_cast<float>(static_cast<double>(decimals) / scale);
  return is_negative ? -value : value;
}

Result<float> Number(std::string_view text) {
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Invalid("base_score is not a number");
  }
  return value;
}

// One for each output, from "5E-1", "[5E-1]" or "[1E0,2E0]".
Result<std::vector<float>> BaseScores(const XgboostFile& file) {
  std::string_view text = Trim(file.base_score);
  const bool is_list = !text.empty() && text.front() == '[' && text.back() == ']';
  if (is_list && file.version.IsBefore(3, 1)) return Invalid("base_score is a list, before 3.1");
  if (!is_list) {
    TRY_ASSIGN(const float score, file.version.IsBefore(1, 2) ? OldNumber(text) : Number(text));
    return std::vector<float>(file.outputs, score);
  }
  std::vector<float> scores;
  for (const std::string& entry : Split(text.substr(1, text.size() - 2), ',')) {
    TRY_ASSIGN(const float score, Number(Trim(entry)));
    scores.push_back(score);
  }
  if (scores.size() == 1) scores.resize(file.outputs, scores[0]);
  if (scores.size() != file.outputs) {
    return Invalid("base_score has " + std::to_string(scores.size()) + " entries, and there are " +
                   std::to_string(file.outputs) + " outputs");
  }
  return scores;
}

// How many trees the first so many rounds have.
Result<std::size_t> TreesOf(const XgboostFile& file, std::optional<std::uint32_t> rounds) {
  if (!rounds) return file.trees.size();
  const std::size_t a_round = std::size_t{file.outputs} * file.parallel_trees;
  const std::size_t there =
      file.round_begins.empty() ? file.trees.size() / a_round : file.round_begins.size() - 1;
  if (*rounds > there) {
    return Invalid("the signature says " + std::to_string(*rounds) +
                   " iterations, and the model has " + std::to_string(there));
  }
  return file.round_begins.empty() ? *rounds * a_round
                                   : static_cast<std::size_t>(file.round_begins[*rounds]);
}

Result<Type> TypeOf(std::string_view feature_type) {
  if (feature_type == "float" || feature_type == "q") return Type::kNumber;
  if (feature_type == "int") return Type::kInteger;
  if (feature_type == "i") return Type::kBoolean;
  if (feature_type == "c") return Type::kCategory;
  return Invalid("feature_types has a type that is not known here, \"" +
                 Printable(feature_type.substr(0, 40)) + "\"");
}

// A category whose texts the file does not have is taken by its code.
Result<std::vector<Input>> InputsOf(const XgboostFile& file) {
  std::vector<Input> inputs(file.columns);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Input& input = inputs[i];
    if (!file.feature_names.empty()) input.name = file.feature_names[i];
    if (!file.feature_types.empty()) {
      TRY_ASSIGN(input.type, TypeOf(file.feature_types[i]));
    }
    if (!file.categories.empty() && !file.categories[i].empty()) {
      input.type = Type::kCategory;
      input.categories = file.categories[i];
    } else if (input.type == Type::kCategory) {
      input.type = Type::kInteger;
    }
  }
  return inputs;
}

std::vector<std::string> OutputsOf(const Objective& objective, std::size_t answers) {
  if (answers == 1) return {"prediction"};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < answers; ++i) {
    names.push_back((objective.is_for_classes() ? "class_" : "output_") + std::to_string(i));
  }
  return names;
}

class XgboostModel final : public Model {
 public:
  static Result<std::unique_ptr<Model>> Make(XgboostFile file, const Signature* signature) {
    TRY_ASSIGN(Objective objective, Objective::Find(file.objective, file.version));
    auto model = std::unique_ptr<XgboostModel>(new XgboostModel(std::move(objective)));
    TRY_ASSIGN(model->base_, BaseScores(file));
    TRY(model->objective_.ToMargins(model->base_));
    model->columns_ = file.columns;
    model->sums_first_ = file.version.IsBefore(1, 3);
    TRY_ASSIGN(model->of_itself_.inputs, InputsOf(file));
    model->of_itself_.outputs = OutputsOf(model->objective_, model->outputs());
    model->about_ = "XGBoost " + ToText(file.version) + ", " + file.objective;
    TRY(model->TakeTrees(std::move(file), signature));
    return model;
  }

  const Signature& of_itself() const override { return of_itself_; }
  std::string Describe() const override {
    return about_ + ", " + std::to_string(tree_count_) + (tree_count_ == 1 ? " tree" : " trees");
  }
  std::size_t columns() const override { return columns_; }
  std::size_t outputs() const override { return objective_.Answers(base_.size()); }

  void Predict(std::span<const float> rows, std::span<float> out) const override {
    const std::size_t count = out.size() / outputs();
    CHECK(rows.size() == count * columns_ && out.size() == count * outputs(), "rows are whole");
    if (outputs() == base_.size()) {  // the answers' place has room for the sums
      Sum(rows.data(), count, out.data());
      for (std::size_t i = 0; i < count; ++i) {
        const auto sums = out.subspan(i * base_.size(), base_.size());
        objective_.Answer(sums, sums);
      }
      return;
    }
    std::array<float, kSumsOnStack> few;
    std::vector<float> many(base_.size() > few.size() ? base_.size() : 0);
    const std::span<float> sums(many.empty() ? few.data() : many.data(), base_.size());
    for (std::size_t i = 0; i < count; ++i) {
      Sum(rows.data() + i * columns_, 1, sums.data());
      objective_.Answer(sums, out.subspan(i * outputs(), outputs()));
    }
  }

 private:
  explicit XgboostModel(Objective objective) : objective_(std::move(objective)) {}

  Result<void> TakeTrees(XgboostFile file, const Signature* signature) {
    if (file.trees.has_categories() && file.version.IsBefore(1, 7)) {
      return Invalid("it splits by categories, which are served of XGBoost 1.7 and later alone");
    }
    Trees::Use use;
    for (const std::int64_t output : file.tree_outputs) {
      use.outputs.push_back(static_cast<std::uint32_t>(output));
    }
    use.weights = std::move(file.weights);
    TRY_ASSIGN(use.trees, TreesOf(file, signature ? signature->iterations : std::nullopt));
    if (signature != nullptr && signature->missing_value) use.missing = *signature->missing_value;
    use.columns = file.columns;
    trees_ = std::move(file.trees);
    trees_.Finish(std::move(use));
    tree_count_ = trees_.size();
    ranked_ = RankedTrees::Of(trees_);
    if (ranked_ != nullptr) trees_ = {};
    return {};
  }

  // A row's sums begin with the base; before 1.3, it was added to them.
  void Sum(const float* rows, std::size_t count, float* sums) const {
    const std::size_t width = base_.size();
    for (std::size_t i = 0; i < count * width; ++i) sums[i] = sums_first_ ? 0.0f : base_[i % width];
    if (ranked_ != nullptr) {
      ranked_->AddUp(rows, count, columns_, sums, width);
    } else {
      trees_.AddUp(rows, count, columns_, sums, width);
    }
    if (!sums_first_) return;
    for (std::size_t i = 0; i < count * width; ++i) sums[i] = base_[i % width] + sums[i];
  }

  Objective objective_;
  std::vector<float> base_;                    // a margin for each output of the trees
  std::unique_ptr<const RankedTrees> ranked_;  // nullptr: they are not of that kind
  Trees trees_;                                // empty where they are ranked
  std::size_t tree_count_ = 0, columns_ = 0;
  bool sums_first_ = false;
  Signature of_itself_;
  std::string about_;
};

Result<std::unique_ptr<Model>> Load(const io::fs::path& file, const Signature* signature) {
  TRY_ASSIGN(const std::string bytes, io::ReadFile(file, kFileBytesMax));
  auto read = ReadXgboostFile(bytes);
  if (!read) return Wrap(file.filename().string(), std::move(read).error());
  auto model = MakeXgboostModel(*std::move(read), signature);
  if (!model) return Wrap(file.filename().string(), std::move(model).error());
  return model;
}

}  // namespace

Result<std::unique_ptr<Model>> MakeXgboostModel(XgboostFile file, const Signature* signature) {
  return XgboostModel::Make(std::move(file), signature);
}

Result<std::unique_ptr<Model>> LoadModel(const io::fs::path& file) { return Load(file, nullptr); }

Result<std::unique_ptr<Model>> LoadModel(const io::fs::path& file, const Signature& signature) {
  return Load(file, &signature);
}

}  // namespace busker::predict
