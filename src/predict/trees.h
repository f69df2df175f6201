// The trees of a model, flat: what XGBoost's file says of each is checked once, when it is added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/result.h"
#include "predict/walk.h"

namespace busker::predict {

// A tree as the file has it: a list for each of a node's facts, of one length.
struct FileTree {
  std::vector<std::int64_t> left, right;  // children; -1 both: a leaf
  std::vector<std::int64_t> column;       // which input is asked
  std::vector<float> condition;           // the threshold; the value of a leaf
  std::vector<std::int64_t> default_left;
  std::vector<std::int64_t> kind;  // 1: a split by categories; empty: there are none
  // Of the n-th split by categories: node [n], and [begin, begin + size) of `categories`.
  std::vector<std::int64_t> categories_nodes, categories_begins, categories_sizes, categories;

  void Clear();
};

class Trees {
 public:
  // The next tree. kInvalid names the node: no tree of nodes (a circle, a child out of range, two
  // parents), or a fact that is missing.
  Result<void> Add(const FileTree& tree);

  // After the last: each tree's output, weight (empty: 1 each), and how many are used, from the
  // first.
  struct Use {
    std::vector<std::uint32_t> outputs;
    std::vector<float> weights;
    std::size_t trees = 0, columns = 0;
    float missing = std::numeric_limits<float>::quiet_NaN();
  };
  void Finish(Use use);

  std::size_t size() const { return roots_.size(); }
  std::uint32_t columns_used() const { return columns_used_; }  // the greatest column and one
  bool has_categories() const { return !splits_.empty(); }

  // For who lays them out in another way. After Finish.
  std::size_t node_count() const { return nodes_.size() + small_nodes_.size(); }
  Node node(std::size_t place) const;
  std::size_t root(std::size_t tree) const { return roots_[tree]; }
  std::uint32_t depth(std::size_t tree) const { return depths_[tree]; }
  std::uint32_t output(std::size_t tree) const { return outputs_[tree]; }
  float missing() const { return missing_; }

  // Adds to sums[row * outputs + output] the leaves in the order of the trees, one float after the
  // other. After Finish; any thread.
  void AddUp(const float* rows, std::size_t row_count, std::size_t columns, float* sums,
             std::size_t outputs) const;

  // The same by other rules, for tests of what notices them (walk.h). Defined in trees_add.h.
  template <typename Rules>
  void AddUpBy(const float* rows, std::size_t row_count, std::size_t columns, float* sums,
               std::size_t outputs) const;

 private:
  struct Block {  // of trees that follow each other
    std::uint32_t begin = 0, size = 0, depth = 0;
    bool has_categories = false;
  };

  template <typename Rules, typename AnyNode>
  void AddRows(const AnyNode* nodes, const Key* keys, std::size_t width, std::size_t row_count,
               float* sums, std::size_t outputs) const;
  Result<void> CheckShape(const FileTree& tree) const;
  Result<void> AddCategories(const FileTree& tree);
  Result<void> Place(const FileTree& tree);
  Node SplitAt(const FileTree& tree, std::size_t place) const;
  void MakeNodesSmall();
  void MakeBlocks();

  std::vector<Node> nodes_;             // empty once they are all small
  std::vector<SmallNode> small_nodes_;  // 8 bytes each: half as many come from afar
  std::vector<CategorySplit> splits_;
  std::vector<std::uint32_t> words_;
  std::vector<std::uint32_t> roots_, depths_;
  std::vector<char> by_category_;  // by tree
  std::vector<std::uint32_t> outputs_;
  std::vector<Block> blocks_;
  std::vector<std::int64_t> split_of_;  // while a tree is added: of each node, -1: none
  float missing_ = std::numeric_limits<float>::quiet_NaN();
  std::uint32_t columns_used_ = 0;
};

}  // namespace busker::predict
