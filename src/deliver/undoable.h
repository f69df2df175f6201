// What undo needs: where a warehouse loads the files of earlier deliveries again, they have to be
// there.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "deliver/warehouse.h"

namespace busker::deliver {

// The ids of those of `deliveries`, oldest first, whose files the next undo of a table may load: of
// a table that is written by partitions alone, what each partition held before; of any other, what
// it holds since the last but one replacement.
std::set<std::string> NeededByUndo(const std::vector<Delivery>& deliveries);

}  // namespace busker::deliver
