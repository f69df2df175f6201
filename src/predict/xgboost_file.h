// A model's file as XGBoost's save_model writes it: JSON or UBJSON, versions 1.0 to 3.4. The keys
// are those of its doc/model.schema and of its sources (learner.cc, gbtree_model.cc,
// tree_model.cc).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "predict/objective.h"
#include "predict/trees.h"
#include "predict/value_reader.h"

namespace busker::predict {

struct XgboostFile {
  XgboostVersion version;
  std::string objective;
  std::string base_score;  // a text in the file: "5E-1", since 3.1 "[5E-1]" or one for each output
  std::uint32_t columns = 0;
  std::uint32_t outputs = 1;  // classes, or targets
  std::uint32_t parallel_trees = 1;

  // One for each column, or none.
  std::vector<std::string> feature_names, feature_types;
  std::vector<std::vector<std::string>> categories;  // the texts of a category's codes, since 3.1

  Trees trees;
  std::vector<std::int64_t> tree_outputs;  // of each tree
  std::vector<std::int64_t> round_begins;  // which trees are of a round: since 2.0, else empty
  std::vector<float> weights;              // DART's, of each tree; or empty
};

// kInvalid: it is no such file, or has a key, a version or a kind of model that is not known here;
// says which, and where. What is returned is consistent: lists are of the lengths that they should
// be.
Result<XgboostFile> ReadXgboostFile(std::string_view bytes);
Result<XgboostFile> ReadXgboostFile(std::unique_ptr<ValueReader> in);

}  // namespace busker::predict
