// From the root of a tree to a leaf: what all predictions spend their time on.
//
// A step does not branch, and compares whole numbers. A float's key is a number of 32 bits in the
// order of floats, in which both zeros are one; a row is turned into keys once. Where XGBoost asks
// `value < threshold`, and sends what is missing to the side that `default_left` names, the side
// that is not the default is the first child here, and what is missing has the greatest key, which
// is below nothing, and so comes to the second. For that, where the default is left, the question
// is turned round: `value >= threshold` is ~key < -key of the threshold; a row has the keys of
// both. A leaf asks the key behind a row's, which is missing for ever, and its second child is
// itself, so that trees of unlike depth are walked together.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace busker::predict {

using Key = std::int32_t;

constexpr Key kMissingKey = std::numeric_limits<Key>::max();

// Of a value that is not NaN.
inline Key KeyOf(float value) {
  const auto bits = std::bit_cast<Key>(value + 0.0f);  // -0 + 0 is 0
  return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}
inline float ValueOf(Key key) { return std::bit_cast<float>(key ^ ((key >> 31) & 0x7FFFFFFF)); }

// What a row's keys take: two a column, and the one that leaves ask.
constexpr std::size_t KeysOf(std::size_t columns) { return 2 * columns + 1; }

// NaN, and what equals `missing` (NaN: nothing), is missing.
inline void MakeKeys(const float* row, std::size_t columns, float missing, Key* keys) {
  for (std::size_t i = 0; i < columns; ++i) {
    const float value = row[i];
    const Key key = KeyOf(value);
    const bool is_missing = std::isnan(value) | (value == missing);
    keys[2 * i] = is_missing ? kMissingKey : key;
    keys[2 * i + 1] = is_missing ? kMissingKey : ~key;
  }
  keys[2 * columns] = kMissingKey;
}

// Of a tree that is of usual size, and of one that is not.
template <typename Input, typename Offset>
struct NodeOf {
  static constexpr std::int64_t kInputMax = std::numeric_limits<Input>::max();
  static constexpr std::int64_t kOffsetMax = std::numeric_limits<Offset>::max();
  static constexpr Offset kOfLeaf = -1;

  Key threshold = 0;  // of a leaf: its value's bits
  Input input = 0;    // which of a row's keys
  Offset offset = 0;  // from here to the first child; the second is behind it
};
using SmallNode = NodeOf<std::uint16_t, std::int16_t>;
using Node = NodeOf<std::uint32_t, std::int32_t>;

// Thresholds that no number has, being below the key of -infinity, are places of CategorySplits.
constexpr Key kFirstSplit = std::numeric_limits<Key>::min();
constexpr std::uint32_t kSplitsMax = (1u << 23) - 16;

// Whose category is in the set goes right; children are left and right here.
struct CategorySplit {
  std::uint32_t begin = 0, words = 0;  // of the sets' bits, 32 a word
  bool missing_goes_left = false;
};

// What XGBoost compares; tests put others in its place to see that they are noticed.
struct XgboostRules {
  static bool IsBelow(Key key, Key threshold) { return key < threshold; }
};

// The node of a split on a number. No number is below a threshold that is NaN.
inline Node SplitNode(std::uint32_t column, float threshold, bool default_left) {
  const Key key =
      KeyOf(std::isnan(threshold) ? -std::numeric_limits<float>::infinity() : threshold);
  return {default_left ? -key : key, 2 * column + (default_left ? 1u : 0u), 0};
}

template <typename AnyNode>
struct Walk {
  const AnyNode* nodes;
  const CategorySplit* splits;
  const std::uint32_t* words;

  template <typename Rules>
  static const AnyNode* Step(const AnyNode* at, const Key* keys) {
    const bool is_first = Rules::IsBelow(keys[at->input], at->threshold);
    return at + (at->offset + static_cast<std::ptrdiff_t>(!is_first));
  }

  // For trees that have such splits; the others do without the branches.
  const AnyNode* StepByCategory(const AnyNode* at, const Key* keys) const {
    const Key key = keys[at->input];
    const auto& split = splits[at->threshold - kFirstSplit];
    const bool is_left = key == kMissingKey ? split.missing_goes_left : !IsIn(split, ValueOf(key));
    return at + (at->offset + static_cast<std::ptrdiff_t>(!is_left));
  }

  // Codes are cut to whole numbers; what is negative or too great is in no set.
  bool IsIn(const CategorySplit& split, float value) const {
    if (!(value >= 0 && value < 16777216.0f)) return false;
    const auto code = static_cast<std::uint32_t>(value);
    return code / 32 < split.words && (words[split.begin + code / 32] >> (code % 32) & 1) != 0;
  }

  // N walks at once, so that each waits while the others go on: lane k begins at root(k) with
  // keys(k), takes at most `depth` steps, and gives its leaf's value.
  template <typename Rules, std::size_t N, typename Root, typename Keys>
  __attribute__((always_inline)) inline void Together(std::uint32_t depth, const Root& root,
                                                      const Keys& keys, float* values) const {
    const AnyNode* at[N];
    for (std::size_t k = 0; k < N; ++k) at[k] = nodes + root(k);
    const auto step = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 16
      for (std::size_t k = 0; k < N; ++k) at[k] = Step<Rules>(at[k], keys(k));
    };
    constexpr std::uint32_t kSteps = 8;  // between two looks whether all are at their leaves
    for (; depth > kSteps; depth -= kSteps) {
      bool are_leaves = true;
      for (std::size_t k = 0; k < N; ++k) are_leaves &= at[k]->offset == AnyNode::kOfLeaf;
      if (are_leaves) break;
      for (std::uint32_t i = 0; i < kSteps; ++i) step();
    }
    for (std::uint32_t i = 0; i < std::min(depth, kSteps); ++i) step();
    for (std::size_t k = 0; k < N; ++k) values[k] = std::bit_cast<float>(at[k]->threshold);
  }

  template <typename Rules>
  float Alone(std::uint32_t root, const Key* keys) const {
    const AnyNode* at = nodes + root;
    while (at->offset != AnyNode::kOfLeaf) {
      const bool is_number = at->threshold >= kFirstSplit + static_cast<Key>(kSplitsMax);
      at = is_number ? Step<Rules>(at, keys) : StepByCategory(at, keys);
    }
    return std::bit_cast<float>(at->threshold);
  }
};

}  // namespace busker::predict
