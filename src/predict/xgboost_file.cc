#include "predict/xgboost_file.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"
#include "predict/value_reader.h"

namespace busker::predict {
namespace {

constexpr std::int64_t kColumnsMax = 1 << 20;
constexpr std::int64_t kOutputsMax = 1 << 16;

std::string Quoted(std::string_view text) { return "\"" + Printable(text.substr(0, 80)) + "\""; }

class FileReader {
 public:
  explicit FileReader(std::unique_ptr<ValueReader> in) : in_(std::move(in)) {}

  Result<XgboostFile> Read() {
    TRY(Top());
    TRY(in_->End());
    TRY(CheckVersion());
    TRY(CheckParts());
    return std::move(file_);
  }

 private:
  // Each member of the object once; `read` says no to one that it does not know by false.
  template <typename Read>
  Result<void> Members(std::string_view place, const Read& read) {
    std::set<std::string, std::less<>> seen;
    return in_->Object([&](std::string_view name) -> Result<void> {
      if (!seen.emplace(name).second) return Twice(place, name);
      auto known = read(name);
      if (!known) return tl::unexpected(std::move(known).error());
      if (*known) return {};
      return Invalid(std::string(place) + " has a key that is not known here, " + Quoted(name));
    });
  }
  static tl::unexpected<Error> Twice(std::string_view place, std::string_view name) {
    return Invalid(std::string(place) + " has " + Quoted(name) + " twice");
  }

  // What a key's value was read with, with the key in front of a fault.
  static Result<bool> At(std::string_view key, Result<void> read) {
    if (!read) return Wrap(key, std::move(read).error());
    return true;
  }

  Result<void> Top() {
    return Members("the file", [&](std::string_view name) -> Result<bool> {
      if (name == "learner") return At(name, Learner());
      if (name == "version") return At(name, in_->Integers(version_));
      if (name == "Config" || name == "Model") {
        return Invalid(
            "it is a memory image of XGBoost (pickle, save_raw of a whole booster), not a "
            "model that save_model wrote");
      }
      return false;
    });
  }

  Result<void> Learner() {
    has_learner_ = true;
    return Members("learner", [&](std::string_view name) -> Result<bool> {
      if (name == "attributes") return At(name, in_->Skip());
      if (name == "feature_names") return At(name, Texts(file_.feature_names));
      if (name == "feature_types") return At(name, Texts(file_.feature_types));
      if (name == "gradient_booster") return At(name, Booster());
      if (name == "learner_model_param") return At(name, LearnerParameters());
      if (name == "objective") return At(name, Objective());
      return false;
    });
  }

  Result<void> Texts(std::vector<std::string>& to) {
    return in_->List([&](std::size_t place) -> Result<void> {
      if (place >= kColumnsMax) return Invalid("it is too long");
      TRY_ASSIGN(std::string text, in_->Text());
      to.push_back(std::move(text));
      return {};
    });
  }

  // A number that XGBoost writes as a text.
  Result<void> NumberInText(std::int64_t from, std::int64_t to, std::uint32_t& value) {
    TRY_ASSIGN(const std::string text, in_->Text());
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < from || number > to) {
      return Invalid("a number from " + std::to_string(from) + " to " + std::to_string(to) +
                     " is expected, and is " + Quoted(text));
    }
    value = static_cast<std::uint32_t>(number);
    return {};
  }

  Result<void> LearnerParameters() {
    return Members("learner_model_param", [&](std::string_view name) -> Result<bool> {
      if (name == "num_feature") return At(name, NumberInText(1, kColumnsMax, file_.columns));
      if (name == "num_class") return At(name, NumberInText(0, kOutputsMax, classes_));
      if (name == "num_target") return At(name, NumberInText(1, kOutputsMax, targets_));
      if (name == "base_score") {
        TRY_ASSIGN(file_.base_score, in_->Text());
        return true;
      }
      return At(name, in_->Skip());  // boost_from_average: what base_score was made by
    });
  }

  // Its parameters were for training, but for the name.
  Result<void> Objective() {
    return Members("objective", [&](std::string_view name) -> Result<bool> {
      if (name != "name") return At(name, in_->Skip());
      TRY_ASSIGN(file_.objective, in_->Text());
      return true;
    });
  }

  // {"name": "gbtree", "model": {...}}, or {"name": "dart", "gbtree": {...}, "weight_drop": [...]}.
  Result<void> Booster() {
    return Members("gradient_booster", [&](std::string_view name) -> Result<bool> {
      if (name == "name") {
        TRY_ASSIGN(const std::string kind, in_->Text());
        if (kind == "gbtree" || kind == "dart") return true;
        return Invalid("it is a model of the booster " + Quoted(kind) +
                       ", and gbtree and dart are those that are served here");
      }
      if (name == "gbtree") return At(name, Booster());
      if (name == "model") return At(name, Model());
      if (name == "weight_drop") return At(name, in_->Floats(file_.weights));
      return false;
    });
  }

  Result<void> Model() {
    if (std::exchange(has_model_, true)) return Invalid("there are two of them");
    return Members("model", [&](std::string_view name) -> Result<bool> {
      if (name == "cats") return At(name, Categories());
      if (name == "gbtree_model_param") return At(name, TreesParameters());
      if (name == "iteration_indptr") return At(name, in_->Integers(file_.round_begins));
      if (name == "tree_info") return At(name, in_->Integers(file_.tree_outputs));
      if (name == "weight_drop") return At(name, in_->Floats(file_.weights));
      if (name == "trees") return At(name, AllTrees());
      if (name == "boosted_rounds") return At(name, in_->Skip());
      // gblinear's, whose name comes later in the file.
      if (name == "weights") {
        return Invalid(
            "it is a model of the booster \"gblinear\", and gbtree and dart are those that "
            "are served here");
      }
      return false;
    });
  }

  Result<void> TreesParameters() {
    return Members("gbtree_model_param", [&](std::string_view name) -> Result<bool> {
      if (name == "num_parallel_tree") {
        return At(name, NumberInText(0, 1 << 20, file_.parallel_trees));
      }
      if (name == "size_leaf_vector") return At(name, LeafVector());
      return At(name, in_->Skip());  // num_trees: it is the length of the list
    });
  }

  Result<void> LeafVector() {
    std::uint32_t size = 0;
    TRY(NumberInText(0, UINT32_MAX, size));
    if (size <= 1) return {};
    return Invalid(
        "its leaves are vectors (multi_strategy = \"multi_output_tree\"), which are not "
        "served here");
  }

  Result<void> AllTrees() {
    return in_->List([&](std::size_t place) -> Result<void> {
      tree_.Clear();
      auto read = Tree();
      if (read) read = file_.trees.Add(tree_);
      if (!read) return Wrap("tree " + std::to_string(place), std::move(read).error());
      return {};
    });
  }

  Result<void> Tree() {
    return Members("it", [&](std::string_view name) -> Result<bool> {
      if (name == "left_children") return At(name, in_->Integers(tree_.left));
      if (name == "right_children") return At(name, in_->Integers(tree_.right));
      if (name == "split_indices") return At(name, in_->Integers(tree_.column));
      if (name == "split_conditions") return At(name, in_->Floats(tree_.condition));
      if (name == "default_left") return At(name, in_->Integers(tree_.default_left));
      if (name == "split_type") return At(name, in_->Integers(tree_.kind));
      if (name == "categories") return At(name, in_->Integers(tree_.categories));
      if (name == "categories_nodes") return At(name, in_->Integers(tree_.categories_nodes));
      if (name == "categories_segments") return At(name, in_->Integers(tree_.categories_begins));
      if (name == "categories_sizes") return At(name, in_->Integers(tree_.categories_sizes));
      if (name == "tree_param") return At(name, TreeParameters());
      if (name == "leaf_weights")
        return Invalid("its leaves are vectors, which are not served here");
      // What training knew of the nodes.
      for (const auto* known :
           {"id", "parents", "base_weights", "loss_changes", "sum_hessian", "leaf_child_counts"}) {
        if (name == known) return At(name, in_->Skip());
      }
      return false;
    });
  }

  Result<void> TreeParameters() {
    return Members("tree_param", [&](std::string_view name) -> Result<bool> {
      if (name == "size_leaf_vector") return At(name, LeafVector());
      return At(name, in_->Skip());
    });
  }

  // "enc" has an entry a column: {"offsets", "values"}, texts as the bytes of all with where each
  // begins; or {"type", "values"}, numbers; empty for a column of numbers.
  Result<void> Categories() {
    return Members("cats", [&](std::string_view name) -> Result<bool> {
      if (name == "enc") {
        return At(name, in_->List([&](std::size_t place) -> Result<void> {
          if (place >= kColumnsMax) return Invalid("it is too long");
          auto read = CategoriesOfColumn();
          if (!read) return Wrap("column " + std::to_string(place), std::move(read).error());
          return {};
        }));
      }
      if (name == "feature_segments" || name == "sorted_idx") return At(name, in_->Skip());
      return false;
    });
  }

  // The types of lists of categories that are numbers, as XGBoost counts them (cat_container.cc).
  static constexpr std::int64_t kFloat32 = 7, kFloat64 = 8, kUnsigned16 = 11, kUnsigned32 = 13;

  Result<void> CategoriesOfColumn() {
    std::vector<std::int64_t> offsets, values;
    std::int64_t type = 0;  // 0: texts
    TRY(Members("it", [&](std::string_view name) -> Result<bool> {
      const bool are_floats =
          type == kFloat32 || type == kFloat64;  // they have no text of their own
      if (name == "offsets") return At(name, in_->Integers(offsets));
      if (name == "values") return At(name, are_floats ? in_->Skip() : in_->Integers(values));
      if (name == "type") {
        TRY_ASSIGN(type, in_->Integer());
        return true;
      }
      return false;
    }));
    std::vector<std::string>& texts = file_.categories.emplace_back();
    if (type == 0) return CategoryTexts(offsets, values, texts);
    // UBJSON has no such types: the bits are those of a negative number.
    const std::int64_t bits = type == kUnsigned16 ? 0xFFFF : type == kUnsigned32 ? 0xFFFFFFFF : -1;
    for (const std::int64_t value : values) texts.push_back(std::to_string(value & bits));
    return {};
  }

  Result<void> CategoryTexts(const std::vector<std::int64_t>& offsets,
                             const std::vector<std::int64_t>& values,
                             std::vector<std::string>& texts) {
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      const std::int64_t begin = offsets[i], end = offsets[i + 1];
      if (begin < 0 || end < begin || static_cast<std::size_t>(end) > values.size()) {
        return Invalid("offsets are not within values");
      }
      std::string& text = texts.emplace_back();
      for (std::int64_t at = begin; at < end; ++at) {
        text += static_cast<char>(values[static_cast<std::size_t>(at)]);
      }
      if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; })) {
        not_ascii_.insert(file_.categories.size() - 1);
      }
    }
    return {};
  }

  // Before 3.4 XGBoost's Python counts characters where it means bytes, and cuts texts that are not
  // of ASCII. Such a column's texts are not known; the signature may say them.
  Result<void> CheckCategories() {
    for (const std::size_t column : not_ascii_) {
      auto& texts = file_.categories[column];
      if (file_.version.IsBefore(3, 4)) texts.clear();
      if (!std::all_of(texts.begin(), texts.end(), IsUtf8)) {
        return Invalid("cats: a category of column " + std::to_string(column) +
                       " is not text in UTF-8");
      }
    }
    return {};
  }

  Result<void> CheckVersion() {
    if (!has_learner_)
      return Invalid("it has no \"learner\": it is not a model that XGBoost's save_model wrote");
    const bool is_version =
        version_.size() == 3 && std::all_of(version_.begin(), version_.end(),
                                            [](std::int64_t n) { return n >= 0 && n < 100000; });
    if (!is_version) return Invalid("it does not say which version of XGBoost wrote it");
    file_.version = {static_cast<int>(version_[0]), static_cast<int>(version_[1]),
                     static_cast<int>(version_[2])};
    if (file_.version.major < 1 || !file_.version.IsBefore(3, 5)) {
      return Invalid("XGBoost " + ToText(file_.version) +
                     " wrote it; known here are the versions 1.0 to 3.4");
    }
    return {};
  }

  Result<void> CheckParts() {
    if (!has_model_) return Invalid("it has no trees");
    if (file_.objective.empty()) return Invalid("it does not name its objective");
    if (file_.columns == 0) return Invalid("it does not say how many inputs it takes");
    if (file_.base_score.empty()) return Invalid("it has no base_score");
    if (file_.trees.columns_used() > file_.columns) {
      return Invalid("a tree asks input " + std::to_string(file_.trees.columns_used() - 1) +
                     ", and there are " + std::to_string(file_.columns));
    }
    const auto check = [](std::size_t size, std::size_t wanted, const char* what) -> Result<void> {
      if (size == 0 || size == wanted) return {};
      return Invalid(std::string(what) + " has " + std::to_string(size) + " entries, not " +
                     std::to_string(wanted));
    };
    TRY(check(file_.feature_names.size(), file_.columns, "feature_names"));
    TRY(check(file_.feature_types.size(), file_.columns, "feature_types"));
    TRY(check(file_.categories.size(), file_.columns, "cats.enc"));
    TRY(CheckCategories());
    return CheckTrees();
  }

  Result<void> CheckTrees() {
    if (classes_ > 1 && targets_ > 1) return Invalid("it has classes and targets");
    file_.outputs = std::max({classes_, targets_, 1u});
    file_.parallel_trees = std::max(file_.parallel_trees, 1u);
    const std::size_t trees = file_.trees.size();
    if (file_.tree_outputs.size() != trees) {
      return Invalid("tree_info has " + std::to_string(file_.tree_outputs.size()) +
                     " entries, and there are " + std::to_string(trees) + " trees");
    }
    for (const std::int64_t output : file_.tree_outputs) {
      if (output < 0 || output >= file_.outputs) {
        return Invalid("tree_info names output " + std::to_string(output) + ", and there are " +
                       std::to_string(file_.outputs));
      }
    }
    if (file_.weights.size() > trees)
      return Invalid("weight_drop is longer than the list of trees");
    if (!file_.weights.empty()) file_.weights.resize(trees, 1.0f);
    const auto& begins = file_.round_begins;
    if (!begins.empty() && (begins.front() != 0 || !std::is_sorted(begins.begin(), begins.end()) ||
                            begins.back() != static_cast<std::int64_t>(trees))) {
      return Invalid("iteration_indptr does not divide the trees into rounds");
    }
    return {};
  }

  std::unique_ptr<ValueReader> in_;
  XgboostFile file_;
  FileTree tree_;
  std::vector<std::int64_t> version_;
  std::set<std::size_t> not_ascii_;  // columns with categories of other letters
  std::uint32_t classes_ = 0, targets_ = 1;
  bool has_learner_ = false, has_model_ = false;
};

}  // namespace

Result<XgboostFile> ReadXgboostFile(std::string_view bytes) {
  return ReadXgboostFile(MakeReader(bytes));
}
Result<XgboostFile> ReadXgboostFile(std::unique_ptr<ValueReader> in) {
  return FileReader(std::move(in)).Read();
}

}  // namespace busker::predict
