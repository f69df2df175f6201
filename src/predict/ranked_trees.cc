#include "predict/ranked_trees.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace busker::predict {
namespace {

constexpr std::uint32_t kDepthMax = 6;
constexpr std::size_t kWalksTogether = 8;
constexpr std::size_t kRegisterBytes = 32;

template <typename Rank>
struct Register {
  typedef Rank Lanes __attribute__((vector_size(kRegisterBytes)));
};
template <typename Rank>
using Lanes = typename Register<Rank>::Lanes;
// So many trees, or so many rows, are asked together.
template <typename Rank>
constexpr std::size_t kLanes = kRegisterBytes / sizeof(Rank);

// Ranks begin at the least number of their type, as processors compare signed ones.
template <typename Rank>
Rank RankOf(std::size_t below) {
  return static_cast<Rank>(static_cast<std::ptrdiff_t>(below) + std::numeric_limits<Rank>::min());
}

// Which of a row's ranks a node asks: each input has two, of its value and the same turned round.
template <typename Rank>
using Slot = std::make_unsigned_t<Rank>;

// Trees that follow each other, filled up to one depth and one number. Node i, from 1, of tree k is
// at i * kLanes + k of the nodes, and its leaf i at (k << depth) + i of the leaves.
struct Group {
  std::uint32_t first_tree = 0, size = 0, depth = 0;
  std::size_t nodes_at = 0, leaves_at = 0;
  bool has_one_output = true;
};

template <typename Rank>
struct Nodes {
  const Slot<Rank>* slots;
  const Rank* ranks;
};

// The thresholds of an input, each once and in order, and above them the last of each sixteen, and
// so on up to sixteen alone.
class Thresholds {
 public:
  explicit Thresholds(std::span<const Key> sorted) : count_(sorted.size()) {
    std::vector<Key> level(sorted.begin(), sorted.end());
    level.push_back(kNever);
    for (;;) {
      level.resize((level.size() + kFan - 1) / kFan * kFan, kNever);
      keys_.insert(keys_.begin(), level.begin(), level.end());
      sizes_.insert(sizes_.begin(), level.size());
      if (level.size() == kFan) return;
      std::vector<Key> above;
      for (std::size_t i = kFan - 1; i < level.size(); i += kFan) above.push_back(level[i]);
      level = std::move(above);
    }
  }

  std::size_t count() const { return count_; }

  // How many are not above the key, which is not NaN's. Without branches, as nobody can foresee
  // them.
  std::size_t UpTo(Key key) const {
    const Key* level = keys_.data();
    std::size_t up_to = 0;
    for (const std::size_t size : sizes_) {
      const Key* const block = level + kFan * up_to;
      int count = 0;
      for (std::size_t i = 0; i < kFan; ++i) count += block[i] <= key ? 1 : 0;
      up_to = kFan * up_to + static_cast<std::size_t>(count);
      level += size;
    }
    return up_to;
  }

  // The place of one of them.
  std::size_t Below(Key threshold) const { return UpTo(threshold) - 1; }

 private:
  static constexpr std::size_t kFan = 16;
  static constexpr Key kNever = std::numeric_limits<Key>::max();

  std::size_t count_;
  std::vector<Key> keys_;  // level by level, the least first
  std::vector<std::size_t> sizes_;
};

// The threshold of a split, whichever way it is asked (SplitNode).
Key ThresholdOf(const Node& split) {
  return split.input % 2 == 0 ? split.threshold : -split.threshold;
}

#define BUSKER_INLINE __attribute__((always_inline)) inline

// Rows together, by one tree.
template <typename Rank>
struct OfRows {
  Nodes<Rank> nodes;    // of the tree: the first of its lane
  const Rank* ranks;    // of the rows, by slot and then by row
  const float* leaves;  // of the tree
  float* sums;
  std::size_t step;  // from one row's sum to the next one's
};

// Trees together, by one row.
template <typename Rank>
struct OfTrees {
  Nodes<Rank> nodes;
  const Rank* ranks;  // of the row, by slot, and then up to kSlotsOfTable of any
  std::size_t slots;
  std::uint8_t* leaf;  // of each tree
};

template <typename Rank>
BUSKER_INLINE void Load(const void* from, Lanes<Rank>& to) {
  std::memcpy(&to, from, sizeof to);
}

// Which rows go to the second child on level kLevel, of those that come by node `at` on kFrom.
template <int kFrom, int kLevel, typename Rank>
BUSKER_INLINE void WaysOfRows(const OfRows<Rank>& rows, std::size_t at, const Lanes<Rank>* above,
                              Lanes<Rank>& ways) {
  if constexpr (kFrom == kLevel) {
    Lanes<Rank> ranks;
    Load<Rank>(rows.ranks + rows.nodes.slots[at * kLanes<Rank>] * kLanes<Rank>, ranks);
    ways = ranks > rows.nodes.ranks[at * kLanes<Rank>];
  } else {
    Lanes<Rank> first, second;
    WaysOfRows<kFrom + 1, kLevel>(rows, 2 * at, above, first);
    WaysOfRows<kFrom + 1, kLevel>(rows, 2 * at + 1, above, second);
    ways = above[kFrom] ? second : first;
  }
}

template <int kLevel, int kDepth, typename Rank>
BUSKER_INLINE void DescendRows(const OfRows<Rank>& rows, Lanes<Rank>* ways, Lanes<Rank>& leaf) {
  if constexpr (kLevel < kDepth) {
    WaysOfRows<0, kLevel>(rows, 1, ways, ways[kLevel]);
    leaf |= ways[kLevel] & static_cast<Rank>(1 << (kDepth - 1 - kLevel));
    DescendRows<kLevel + 1, kDepth>(rows, ways, leaf);
  }
}

template <int kDepth, typename Rank>
BUSKER_INLINE void AddToRows(const OfRows<Rank>& rows) {
  Lanes<Rank> ways[kDepthMax], leaf = {};
  DescendRows<0, kDepth>(rows, ways, leaf);
  for (std::size_t lane = 0; lane < kLanes<Rank>; ++lane) {
    rows.sums[lane * rows.step] += rows.leaves[static_cast<Slot<Rank>>(leaf[lane])];
  }
}

template <int kDepth, typename Rank>
void AddToRowsNarrow(const OfRows<Rank>& rows) {
  AddToRows<kDepth>(rows);
}

// Eight walks at once, so that each waits while the others go on.
template <int kDepth, typename Rank>
void WalkNarrow(const OfTrees<Rank>& trees) {
  for (std::size_t lane = 0; lane < kLanes<Rank>; lane += kWalksTogether) {
    std::size_t at[kWalksTogether];
    std::fill_n(at, kWalksTogether, 1);
    for (int level = 0; level < kDepth; ++level) {
#pragma GCC unroll 8
      for (std::size_t k = 0; k < kWalksTogether; ++k) {
        const std::size_t place = at[k] * kLanes<Rank> + lane + k;
        const bool is_second = trees.ranks[trees.nodes.slots[place]] > trees.nodes.ranks[place];
        at[k] = 2 * at[k] + static_cast<std::size_t>(is_second);
      }
    }
    for (std::size_t k = 0; k < kWalksTogether; ++k) {
      trees.leaf[lane + k] = static_cast<std::uint8_t>(at[k] - (std::size_t{1} << kDepth));
    }
  }
}

#ifdef __x86_64__
#define BUSKER_WIDE __attribute__((target("avx2")))
bool HasWideRegisters() { return __builtin_cpu_supports("avx2"); }

// A register looks up sixteen bytes by sixteen.
constexpr std::size_t kSlotsOfTable = 16;

// The questions that 32 trees ask on level kLevel, of those below node `at` on kFrom.
template <int kFrom, int kLevel>
BUSKER_WIDE BUSKER_INLINE void Questions(const Nodes<std::int8_t>& nodes, std::size_t at,
                                         const __m256i* ways, __m256i& slots, __m256i& ranks) {
  if constexpr (kFrom == kLevel) {
    const std::size_t place = at * kLanes<std::int8_t>;
    slots = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(nodes.slots + place));
    ranks = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(nodes.ranks + place));
  } else {
    __m256i first_slots, first_ranks, second_slots, second_ranks;
    Questions<kFrom + 1, kLevel>(nodes, 2 * at, ways, first_slots, first_ranks);
    Questions<kFrom + 1, kLevel>(nodes, 2 * at + 1, ways, second_slots, second_ranks);
    slots = _mm256_blendv_epi8(first_slots, second_slots, ways[kFrom]);
    ranks = _mm256_blendv_epi8(first_ranks, second_ranks, ways[kFrom]);
  }
}

// The row's ranks of the slots: of each table what it has, which for others is nothing.
BUSKER_WIDE BUSKER_INLINE __m256i RanksOf(const OfTrees<std::int8_t>& trees, __m256i slots) {
  __m256i ranks = _mm256_setzero_si256();
  const __m256i others = _mm256_set1_epi8(0x70);  // from 16 on, this makes 128: looked up as 0
  for (std::size_t i = 0; i < trees.slots; i += kSlotsOfTable) {
    const __m256i table = _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(trees.ranks + i)));
    const __m256i within = _mm256_sub_epi8(slots, _mm256_set1_epi8(static_cast<char>(i)));
    ranks = _mm256_or_si256(ranks, _mm256_shuffle_epi8(table, _mm256_adds_epu8(within, others)));
  }
  return ranks;
}

template <int kLevel, int kDepth>
BUSKER_WIDE BUSKER_INLINE void DescendTrees(const OfTrees<std::int8_t>& trees, __m256i* ways,
                                            __m256i& leaf) {
  if constexpr (kLevel < kDepth) {
    __m256i slots, ranks;
    Questions<0, kLevel>(trees.nodes, 1, ways, slots, ranks);
    ways[kLevel] = _mm256_cmpgt_epi8(RanksOf(trees, slots), ranks);
    const __m256i place = _mm256_set1_epi8(static_cast<char>(1 << (kDepth - 1 - kLevel)));
    leaf = _mm256_or_si256(leaf, _mm256_and_si256(ways[kLevel], place));
    DescendTrees<kLevel + 1, kDepth>(trees, ways, leaf);
  }
}

template <int kDepth>
BUSKER_WIDE void WalkWide(const OfTrees<std::int8_t>& trees) {
  __m256i ways[kDepthMax], leaf = _mm256_setzero_si256();
  DescendTrees<0, kDepth>(trees, ways, leaf);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(trees.leaf), leaf);
}
// Slots of two bytes are not looked up by registers.
template <int kDepth>
void WalkWide(const OfTrees<std::int16_t>& trees) {
  WalkNarrow<kDepth>(trees);
}

template <int kDepth, typename Rank>
BUSKER_WIDE void AddToRowsWide(const OfRows<Rank>& rows) {
  AddToRows<kDepth>(rows);
}
#undef BUSKER_WIDE
#else
bool HasWideRegisters() { return false; }
constexpr std::size_t kSlotsOfTable = 1;

template <int kDepth, typename Rank>
void WalkWide(const OfTrees<Rank>& trees) {
  WalkNarrow<kDepth>(trees);
}
template <int kDepth, typename Rank>
void AddToRowsWide(const OfRows<Rank>& rows) {
  AddToRows<kDepth>(rows);
}
#endif
#undef BUSKER_INLINE

// How this processor asks trees of a depth.
template <typename Rank>
struct Asker {
  void (*add_to_rows)(const OfRows<Rank>&);
  void (*walk)(const OfTrees<Rank>&);
};

template <typename Rank, int... kDepths>
std::array<Asker<Rank>, kDepthMax + 1> AskersOf(bool wide, std::integer_sequence<int, kDepths...>) {
  if (!wide) return {Asker<Rank>{&AddToRowsNarrow<kDepths, Rank>, &WalkNarrow<kDepths, Rank>}...};
  return {Asker<Rank>{&AddToRowsWide<kDepths, Rank>,
                      [](const OfTrees<Rank>& trees) { WalkWide<kDepths>(trees); }}...};
}

template <typename Rank>
class RankedBy final : public RankedTrees {
 public:
  static constexpr std::size_t kSlotsMax = std::size_t{1} << 8 * sizeof(Rank);
  static constexpr std::size_t kThresholdsMax = kSlotsMax - 1;

  RankedBy(const Trees& trees, const std::map<std::size_t, std::vector<Key>>& thresholds, bool wide)
      : missing_(trees.missing()),
        askers_(AskersOf<Rank>(wide, std::make_integer_sequence<int, kDepthMax + 1>())) {
    for (const auto& [column, its] : thresholds) {
      columns_.push_back(column);
      thresholds_.emplace_back(its);
    }
    for (std::size_t tree = 0; tree < trees.size(); ++tree) outputs_.push_back(trees.output(tree));
    for (std::size_t tree = 0; tree < trees.size(); tree += kTogether) AddGroup(trees, tree);
  }

  void AddUp(const float* rows, std::size_t row_count, std::size_t columns, float* sums,
             std::size_t outputs) const override {
    Rank* const ranks = RoomForRanks();
    std::size_t at = 0;
    for (; at + kTogether <= row_count; at += kTogether) {
      for (std::size_t i = 0; i < kTogether; ++i) {
        MakeRanks(rows + (at + i) * columns, ranks + i, kTogether);
      }
      AddToRows(ranks, sums + at * outputs, outputs);
    }
    for (; at < row_count; ++at) {
      MakeRanks(rows + at * columns, ranks, 1);
      AddToRow(ranks, sums + at * outputs);
    }
  }

 private:
  static constexpr std::size_t kTogether = kLanes<Rank>;

  void AddGroup(const Trees& trees, std::size_t first) {
    Group group;
    group.first_tree = static_cast<std::uint32_t>(first);
    group.size = static_cast<std::uint32_t>(std::min(kTogether, trees.size() - first));
    group.nodes_at = slots_.size();
    group.leaves_at = leaves_.size();
    for (std::size_t k = 0; k < group.size; ++k) {
      group.depth = std::max(group.depth, trees.depth(first + k));
      group.has_one_output &= trees.output(first + k) == trees.output(first);
    }
    const std::size_t places = kTogether << group.depth;
    slots_.resize(slots_.size() + places);
    ranks_.resize(ranks_.size() + places);
    leaves_.resize(leaves_.size() + places);
    for (std::size_t k = 0; k < group.size; ++k) {
      Place(trees, trees.root(first + k), group, k, 1, group.depth);
    }
    groups_.push_back(group);
  }

  // The subtree of `node` becomes that of node `at` of tree `k`, with `levels` below it. Below a
  // leaf, whatever is asked comes to the same value.
  void Place(const Trees& trees, std::size_t node, const Group& group, std::size_t k,
             std::size_t at, std::uint32_t levels) {
    const Node its = trees.node(node);
    if (levels == 0) {
      leaves_[group.leaves_at + (k << group.depth) + at - std::bit_floor(at)] =
          std::bit_cast<float>(its.threshold);
      return;
    }
    const bool is_leaf = its.offset == Node::kOfLeaf;
    if (!is_leaf) SetNode(its, group.nodes_at + at * kTogether + k);
    const std::size_t child = is_leaf ? node : node + static_cast<std::size_t>(its.offset);
    Place(trees, child, group, k, 2 * at, levels - 1);
    Place(trees, is_leaf ? child : child + 1, group, k, 2 * at + 1, levels - 1);
  }

  void SetNode(const Node& split, std::size_t place) {
    const auto input = static_cast<std::size_t>(
        std::lower_bound(columns_.begin(), columns_.end(), split.input / 2) - columns_.begin());
    const Thresholds& its = thresholds_[input];
    const std::size_t below = its.Below(ThresholdOf(split));
    const bool turned = split.input % 2 != 0;
    slots_[place] = static_cast<Slot<Rank>>(2 * input + (turned ? 1 : 0));
    ranks_[place] = RankOf<Rank>(turned ? its.count() - 1 - below : below);
  }

  // A thread's own, which grows to what the widest model needs.
  Rank* RoomForRanks() const {
    thread_local std::vector<Rank> ranks;
    const std::size_t count = 2 * columns_.size() * kTogether + kSlotsOfTable;
    if (ranks.size() < count) ranks.resize(count);
    return ranks.data();
  }

  void MakeRanks(const float* row, Rank* ranks, std::size_t step) const {
    for (std::size_t input = 0; input < columns_.size(); ++input, ranks += 2 * step) {
      const Thresholds& its = thresholds_[input];
      const float value = row[columns_[input]];
      const bool is_missing = std::isnan(value) | (value == missing_);
      const std::size_t up_to = is_missing ? 0 : its.UpTo(KeyOf(value));
      ranks[0] = RankOf<Rank>(is_missing ? its.count() : up_to);
      ranks[step] = RankOf<Rank>(its.count() - up_to);
    }
  }

  void AddToRows(const Rank* ranks, float* sums, std::size_t outputs) const {
    for (const Group& group : groups_) {
      for (std::size_t k = 0; k < group.size; ++k) {
        const std::size_t at = group.nodes_at + k;
        askers_[group.depth].add_to_rows({{slots_.data() + at, ranks_.data() + at},
                                          ranks,
                                          leaves_.data() + group.leaves_at + (k << group.depth),
                                          sums + outputs_[group.first_tree + k],
                                          outputs});
      }
    }
  }

  void AddToRow(const Rank* ranks, float* sums) const {
    for (const Group& group : groups_) {
      std::uint8_t leaf[kTogether];
      askers_[group.depth].walk({{slots_.data() + group.nodes_at, ranks_.data() + group.nodes_at},
                                 ranks,
                                 2 * columns_.size(),
                                 leaf});
      const float* leaves = leaves_.data() + group.leaves_at;
      const std::size_t size = std::size_t{1} << group.depth;
      const std::uint32_t* const outputs = outputs_.data() + group.first_tree;
      if (!group.has_one_output) {
        for (std::size_t k = 0; k < group.size; ++k) sums[outputs[k]] += leaves[k * size + leaf[k]];
        continue;
      }
      float sum = sums[outputs[0]];  // not in memory, where it would be waited for
      const std::size_t count = group.size;
      for (std::size_t k = 0; k < count; ++k, leaves += size) sum += leaves[leaf[k]];
      sums[outputs[0]] = sum;
    }
  }

  const float missing_;
  const std::array<Asker<Rank>, kDepthMax + 1> askers_;  // by depth
  std::vector<std::size_t> columns_;                     // that are asked, in order
  std::vector<Thresholds> thresholds_;                   // of each
  std::vector<Group> groups_;
  std::vector<Slot<Rank>> slots_;
  std::vector<Rank> ranks_;
  std::vector<float> leaves_;
  std::vector<std::uint32_t> outputs_;  // by tree
};

// By input, each once and in order.
std::map<std::size_t, std::vector<Key>> ThresholdsOf(const Trees& trees) {
  std::map<std::size_t, std::vector<Key>> thresholds;
  for (std::size_t at = 0; at < trees.node_count(); ++at) {
    const Node node = trees.node(at);
    if (node.offset != Node::kOfLeaf) thresholds[node.input / 2].push_back(ThresholdOf(node));
  }
  for (auto& [_, its] : thresholds) {
    std::sort(its.begin(), its.end());
    its.erase(std::unique(its.begin(), its.end()), its.end());
  }
  return thresholds;
}

}  // namespace

std::unique_ptr<const RankedTrees> RankedTrees::Of(const Trees& trees, Registers registers) {
  if (trees.has_categories()) return nullptr;
  for (std::size_t tree = 0; tree < trees.size(); ++tree) {
    if (trees.depth(tree) > kDepthMax) return nullptr;
  }
  const auto thresholds = ThresholdsOf(trees);
  std::size_t most = 0;
  for (const auto& [_, its] : thresholds) most = std::max(most, its.size());
  const auto fits = [&](std::size_t slots_max, std::size_t thresholds_max) {
    return 2 * thresholds.size() <= slots_max && most <= thresholds_max;
  };
  const bool wide = registers == Registers::kAsThereAre && HasWideRegisters();
  using Small = RankedBy<std::int8_t>;
  using Large = RankedBy<std::int16_t>;
  if (fits(Small::kSlotsMax, Small::kThresholdsMax)) {
    return std::make_unique<Small>(trees, thresholds, wide);
  }
  if (fits(Large::kSlotsMax, Large::kThresholdsMax)) {
    return std::make_unique<Large>(trees, thresholds, wide);
  }
  return nullptr;
}

}  // namespace busker::predict
