// How the leaves of all trees are added up: for trees.cc, and for tests of what notices other
// rules.
#pragma once

#include <algorithm>

#include "predict/trees.h"

namespace busker::predict {
namespace trees_add {

// Walks at once: by bench/trees_bench.cc, more of either are no quicker.
constexpr std::size_t kTreesTogether = 8, kRowsTogether = 16;

template <typename Rules, typename AnyNode>
struct Adding {
  Walk<AnyNode> walk;
  const std::uint32_t* roots;
  const std::uint32_t* outputs;

  // Trees that follow each other, for one row.
  void TreesTogether(std::uint32_t begin, std::uint32_t depth, const Key* keys, float* sums) const {
    float values[kTreesTogether];
    walk.template Together<Rules, kTreesTogether>(
        depth, [&](std::size_t k) { return roots[begin + k]; }, [&](std::size_t) { return keys; },
        values);
    for (std::size_t k = 0; k < kTreesTogether; ++k) sums[outputs[begin + k]] += values[k];
  }

  // Rows in one tree.
  void RowsTogether(std::uint32_t tree, std::uint32_t depth, const Key* keys, std::size_t width,
                    float* sums, std::size_t sums_width) const {
    float values[kRowsTogether];
    walk.template Together<Rules, kRowsTogether>(
        depth, [&](std::size_t) { return roots[tree]; },
        [&](std::size_t k) { return keys + k * width; }, values);
    for (std::size_t k = 0; k < kRowsTogether; ++k) {
      sums[k * sums_width + outputs[tree]] += values[k];
    }
  }

  void Alone(std::uint32_t tree, const Key* keys, float* sums) const {
    sums[outputs[tree]] += walk.template Alone<Rules>(roots[tree], keys);
  }
};

// A thread's own, which grows to what the widest model needs.
inline Key* RoomForKeys(std::size_t count) {
  thread_local std::vector<Key> keys;
  if (keys.size() < count) keys.resize(count);
  return keys.data();
}

}  // namespace trees_add

template <typename Rules, typename AnyNode>
void Trees::AddRows(const AnyNode* nodes, const Key* keys, std::size_t width, std::size_t row_count,
                    float* sums, std::size_t outputs) const {
  const trees_add::Adding<Rules, AnyNode> adding{
      {nodes, splits_.data(), words_.data()}, roots_.data(), outputs_.data()};
  for (const Block& block : blocks_) {
    if (row_count == 1 && block.size == trees_add::kTreesTogether && !block.has_categories) {
      adding.TreesTogether(block.begin, block.depth, keys, sums);
      continue;
    }
    const bool is_alone = row_count == 1 || block.has_categories;
    for (std::uint32_t tree = block.begin; tree < block.begin + block.size; ++tree) {
      for (std::size_t i = 0; is_alone && i < row_count; ++i) {
        adding.Alone(tree, keys + i * width, sums + i * outputs);
      }
      for (std::size_t i = 0; !is_alone && i < row_count; i += trees_add::kRowsTogether) {
        adding.RowsTogether(tree, depths_[tree], keys + i * width, width, sums + i * outputs,
                            outputs);
      }
    }
  }
}

// Rows together, so many at once as stay in the cache nearest to the core, and what is left
// one by one.
template <typename Rules>
void Trees::AddUpBy(const float* rows, std::size_t row_count, std::size_t columns, float* sums,
                    std::size_t outputs) const {
  constexpr std::size_t kTogether = trees_add::kRowsTogether;
  constexpr std::size_t kKeys = 4096, kKeysMax = 1u << 18;  // a thread's room, but for wider rows
  const std::size_t width = KeysOf(columns);
  const std::size_t rows_max =
      std::clamp(kKeys / width / kTogether * kTogether, kTogether, 4 * kTogether);
  for (std::size_t at = 0; at < row_count;) {
    const std::size_t rest = row_count - at;
    const bool is_alone = rest < kTogether || width > kKeysMax / kTogether;
    const std::size_t count = is_alone ? 1 : std::min(rows_max, rest - rest % kTogether);
    Key* keys = trees_add::RoomForKeys(count * width);
    for (std::size_t i = 0; i < count; ++i) {
      MakeKeys(rows + (at + i) * columns, columns, missing_, keys + i * width);
    }
    float* of_rows = sums + at * outputs;
    if (nodes_.empty()) {
      AddRows<Rules>(small_nodes_.data(), keys, width, count, of_rows, outputs);
    } else {
      AddRows<Rules>(nodes_.data(), keys, width, count, of_rows, outputs);
    }
    at += count;
  }
}

}  // namespace busker::predict
