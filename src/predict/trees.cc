#include "predict/trees.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "base/check.h"
#include "predict/trees_add.h"

namespace busker::predict {
namespace {

// 12 bytes each and a value: 4 GiB.
constexpr std::size_t kNodesMax = 1u << 28;
constexpr std::int64_t kColumnsMax = 1 << 30;
// XGBoost's own limit of a category's code.
constexpr std::int64_t kCategoriesMax = 1 << 24;

tl::unexpected<Error> NodeFault(std::size_t node, std::string_view what) {
  return Invalid("node " + std::to_string(node) + ": " + std::string(what));
}

}  // namespace

void FileTree::Clear() {
  for (auto* list : {&left, &right, &column, &default_left, &kind, &categories_nodes,
                     &categories_begins, &categories_sizes, &categories}) {
    list->clear();
  }
  condition.clear();
}

Result<void> Trees::CheckShape(const FileTree& tree) const {
  const std::size_t size = tree.left.size();
  if (size == 0) return Invalid("it has no nodes");
  if (size > kNodesMax - nodes_.size()) return Invalid("it has too many nodes");
  const auto check = [size](std::size_t length, std::string_view key) -> Result<void> {
    if (length == size) return {};
    return Invalid(std::string(key) + " has " + std::to_string(length) + " entries, where left_" +
                   "children has " + std::to_string(size));
  };
  TRY(check(tree.right.size(), "right_children"));
  TRY(check(tree.column.size(), "split_indices"));
  TRY(check(tree.condition.size(), "split_conditions"));
  TRY(check(tree.default_left.size(), "default_left"));
  if (!tree.kind.empty()) TRY(check(tree.kind.size(), "split_type"));
  const std::size_t splits = tree.categories_nodes.size();
  if (tree.categories_begins.size() != splits || tree.categories_sizes.size() != splits) {
    return Invalid("categories_nodes, _segments and _sizes are of unlike length");
  }
  return {};
}

// The sets of the tree's splits by category, as bits. A set is at most 2 MiB, and all together take
// memory in proportion to the file's lists but for lone great codes, so what they take is bound,
// too.
Result<void> Trees::AddCategories(const FileTree& tree) {
  constexpr std::size_t kWordsMax = 1u << 28;
  split_of_.assign(tree.left.size(), -1);
  const auto total = static_cast<std::int64_t>(tree.categories.size());
  for (std::size_t i = 0; i < tree.categories_nodes.size(); ++i) {
    const std::int64_t node = tree.categories_nodes[i];
    const std::int64_t begin = tree.categories_begins[i], size = tree.categories_sizes[i];
    if (node < 0 || static_cast<std::size_t>(node) >= tree.left.size()) {
      return Invalid("categories_nodes names node " + std::to_string(node) +
                     ", which is not there");
    }
    const auto place = static_cast<std::size_t>(node);
    if (split_of_[place] != -1) return NodeFault(place, "it has two sets of categories");
    if (begin < 0 || size <= 0 || begin > total || size > total - begin) {
      return NodeFault(place, "its categories are not within the list of them");
    }
    const auto first = tree.categories.begin() + begin, last = first + size;
    const auto [least, greatest] = std::minmax_element(first, last);
    if (*least < 0 || *greatest >= kCategoriesMax) {
      return NodeFault(place, "a category's code is not from 0 to 16777215");
    }
    CategorySplit split;
    split.begin = static_cast<std::uint32_t>(words_.size());
    split.words = static_cast<std::uint32_t>(*greatest / 32 + 1);
    split.missing_goes_left = tree.default_left[place] != 0;
    if (split.words > kWordsMax - words_.size() || splits_.size() == kSplitsMax)
      return NodeFault(place, "too many categories");
    words_.resize(words_.size() + split.words);
    for (auto code = first; code != last; ++code) {
      words_[split.begin + static_cast<std::size_t>(*code / 32)] |= 1u << (*code % 32);
    }
    split_of_[place] = static_cast<std::int64_t>(splits_.size());
    splits_.push_back(split);
  }
  return {};
}

Node Trees::SplitAt(const FileTree& tree, std::size_t place) const {
  const auto column = static_cast<std::uint32_t>(tree.column[place]);
  if (split_of_[place] < 0) {
    return SplitNode(column, tree.condition[place], tree.default_left[place] != 0);
  }
  return {kFirstSplit + static_cast<Key>(split_of_[place]), 2 * column, 0};
}

// Level by level, the children of a node beside each other and behind it. What no path reaches
// (nodes that XGBoost deleted) is left out.
Result<void> Trees::Place(const FileTree& tree) {
  const std::size_t size = tree.left.size(), root = nodes_.size();
  std::vector<char> is_placed(size);
  std::vector<std::size_t> level = {0}, next;  // places in the file
  is_placed[0] = 1;
  nodes_.emplace_back();
  std::uint32_t depth = 0;
  for (std::size_t at = root; !level.empty(); level.swap(next), next.clear(), ++depth) {
    for (const std::size_t place : level) {
      const std::int64_t left = tree.left[place], right = tree.right[place];
      Node& node = nodes_[at];
      if (left == -1 && right == -1) {
        node = {std::bit_cast<Key>(tree.condition[place]), 0, Node::kOfLeaf};
        ++at;
        continue;
      }
      for (const std::int64_t child : {left, right}) {
        if (child < 0 || static_cast<std::size_t>(child) >= size) {
          return NodeFault(place, "its child " + std::to_string(child) + " is not there");
        }
        if (std::exchange(is_placed[static_cast<std::size_t>(child)], 1) != 0) {
          return NodeFault(place, "its child " + std::to_string(child) + " has another parent");
        }
      }
      const std::int64_t column = tree.column[place];
      if (column < 0 || column >= kColumnsMax) {
        return NodeFault(place, "it asks input " + std::to_string(column) + ", which is not there");
      }
      if (!tree.kind.empty() && tree.kind[place] != (split_of_[place] >= 0 ? 1 : 0)) {
        return NodeFault(place, "split_type and categories_nodes disagree");
      }
      columns_used_ = std::max(columns_used_, static_cast<std::uint32_t>(column) + 1);
      node = SplitAt(tree, place);
      node.offset = static_cast<std::int32_t>(nodes_.size() - at);
      const bool turned = node.input % 2 != 0;
      next.push_back(static_cast<std::size_t>(turned ? right : left));
      next.push_back(static_cast<std::size_t>(turned ? left : right));
      nodes_.resize(nodes_.size() + 2);
      ++at;
    }
  }
  roots_.push_back(static_cast<std::uint32_t>(root));
  depths_.push_back(depth - 1);
  return {};
}

Result<void> Trees::Add(const FileTree& tree) {
  TRY(CheckShape(tree));
  const std::size_t splits = splits_.size();
  TRY(AddCategories(tree));
  TRY(Place(tree));
  by_category_.push_back(splits_.size() > splits);
  return {};
}

void Trees::Finish(Use use) {
  CHECK(use.outputs.size() == size() && use.trees <= size(), "each tree has an output");
  CHECK(use.weights.empty() || use.weights.size() == size(), "each tree has a weight");
  const auto leaf_input = static_cast<std::uint32_t>(KeysOf(use.columns) - 1);
  for (std::size_t tree = 0; tree < size(); ++tree) {
    const float weight = use.weights.empty() ? 1.0f : use.weights[tree];
    const std::size_t end = tree + 1 < size() ? roots_[tree + 1] : nodes_.size();
    for (std::size_t at = roots_[tree]; at < end; ++at) {
      if (nodes_[at].offset != Node::kOfLeaf) continue;
      nodes_[at].input = leaf_input;
      nodes_[at].threshold =
          std::bit_cast<Key>(std::bit_cast<float>(nodes_[at].threshold) * weight);
    }
  }
  roots_.resize(use.trees);
  outputs_ = std::move(use.outputs);
  missing_ = use.missing;
  MakeNodesSmall();
  MakeBlocks();
}

Node Trees::node(std::size_t place) const {
  if (!nodes_.empty()) return nodes_[place];
  const SmallNode& node = small_nodes_[place];
  return {node.threshold, node.input, node.offset};
}

// If all of them fit.
void Trees::MakeNodesSmall() {
  const auto fits = [](const Node& node) {
    return node.input <= SmallNode::kInputMax && node.offset <= SmallNode::kOffsetMax;
  };
  if (!std::all_of(nodes_.begin(), nodes_.end(), fits)) return;
  small_nodes_.reserve(nodes_.size());
  for (const Node& node : nodes_) {
    small_nodes_.push_back({node.threshold, static_cast<std::uint16_t>(node.input),
                            static_cast<std::int16_t>(node.offset)});
  }
  nodes_ = {};
}

// Eight trees, or fewer where one has splits by category.
void Trees::MakeBlocks() {
  for (std::uint32_t tree = 0; tree < size(); ++tree) {
    const bool has_categories = by_category_[tree] != 0;
    if (blocks_.empty() || blocks_.back().has_categories != has_categories ||
        blocks_.back().size == trees_add::kTreesTogether) {
      blocks_.push_back({tree, 0, 0, has_categories});
    }
    Block& block = blocks_.back();
    ++block.size;
    block.depth = std::max(block.depth, depths_[tree]);
  }
}

void Trees::AddUp(const float* rows, std::size_t row_count, std::size_t columns, float* sums,
                  std::size_t outputs) const {
  AddUpBy<XgboostRules>(rows, row_count, columns, sums, outputs);
}

}  // namespace busker::predict
