// A small model in XGBoost's JSON, for tests: two inputs, two trees, what each test makes of it.
#pragma once

#include <string>

namespace busker::predict {

struct TestModel {
  std::string version = "[3,2,0]";
  std::string objective = "reg:squarederror";
  std::string base_score = "[5E-1]";
  std::string learner_more;  // members of "learner", with a comma behind each
  std::string model_more;    // of "model"
  std::string tree_more;     // of the first tree
  std::string left = "[1,-1,-1]", right = "[2,-1,-1]";
  std::string conditions = "[1.5E0,-1E0,2E0]", columns = "[0,0,0]", default_left = "[1,0,0]";
  std::string classes = "0", tree_info = "[0,0]", features = "2";

  // Root: input 0 below 1.5, missing goes left; leaves -1 and 2. The second is a leaf, 0.25.
  std::string Json() const {
    return R"({"learner":{"attributes":{},)" + learner_more + R"("gradient_booster":{"model":{)" +
           model_more +
           R"("gbtree_model_param":{"num_parallel_tree":"1","num_trees":"2"},"tree_info":)" +
           tree_info + R"(,"trees":[{)" + tree_more + R"("left_children":)" + left +
           R"(,"right_children":)" + right + R"(,"split_indices":)" + columns +
           R"(,"split_conditions":)" + conditions + R"(,"default_left":)" + default_left +
           R"(,"id":0,"tree_param":{"size_leaf_vector":"1"}},{"left_children":[-1],)" +
           R"("right_children":[-1],"split_indices":[0],"split_conditions":[2.5E-1],)" +
           R"("default_left":[0],"id":1}]},"name":"gbtree"},)" +
           R"("learner_model_param":{"base_score":")" + base_score + R"(","num_class":")" +
           classes + R"(","num_feature":")" + features + R"(","num_target":"1"},)" +
           R"("objective":{"name":")" + objective + R"("}},"version":)" + version + "}";
  }
};

}  // namespace busker::predict
