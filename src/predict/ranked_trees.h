// The trees of most models, so that all of them stay near the core: no deeper than six levels, and
// every split on a number.
//
// A threshold is told by its rank among those of its input, and a value by how many of them are not
// above it, which a row is turned into once: value < threshold exactly when the value's rank is not
// above the threshold's. So a node takes two bytes, or four where an input has more than 255
// thresholds or there are more than 128 inputs. Trees are filled up to one depth, so that the
// children of node i are 2i and 2i + 1 and no node says where they are. As in walk.h, missing goes
// to the second child, and where that is the wrong side, both the children and the ranks are turned
// round.
//
// Registers of 32 bytes ask 32 trees for one row, or 32 rows of one tree, at once (16 of each where
// ranks take two bytes): every node of a level is looked at, and what counts is picked. That is
// more questions than a walk has, and no waiting for memory.
#pragma once

#include <cstddef>
#include <memory>

#include "predict/trees.h"

namespace busker::predict {

class RankedTrees {
 public:
  // With 32 bytes in a register, where the processor has such, or with 16.
  enum class Registers { kAsThereAre, kNarrow };

  // nullptr: the trees are not of that kind.
  static std::unique_ptr<const RankedTrees> Of(const Trees& trees,
                                               Registers registers = Registers::kAsThereAre);
  virtual ~RankedTrees() = default;

  // As Trees::AddUp, with the same bits.
  virtual void AddUp(const float* rows, std::size_t row_count, std::size_t columns, float* sums,
                     std::size_t outputs) const = 0;
};

}  // namespace busker::predict
