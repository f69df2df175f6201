#include "deliver/undoable.h"

#include <algorithm>
#include <map>

namespace busker::deliver {
namespace {

using OfTable = std::vector<const Delivery*>;  // not undone, oldest first

void AddPartitions(const OfTable& deliveries, std::set<std::string>& needed) {
  std::map<std::string, const Delivery*> newest;
  std::map<std::string, std::string> before;
  for (const Delivery* delivery : deliveries) {
    const Delivery*& last = newest[delivery->data_date];
    if (last != nullptr) before[delivery->data_date] = last->id;
    last = delivery;
  }
  for (const auto& [date, id] : before) needed.insert(id);
}

void AddWhole(const OfTable& deliveries, std::set<std::string>& needed) {
  int replacements = 0;
  for (auto it = deliveries.rbegin(); it != deliveries.rend() && replacements < 2; ++it) {
    needed.insert((*it)->id);
    if ((*it)->write == Write::kReplace) ++replacements;
  }
}

}  // namespace

std::set<std::string> NeededByUndo(const std::vector<Delivery>& deliveries) {
  std::map<std::string, OfTable> tables;
  for (const Delivery& delivery : deliveries) {
    if (!delivery.undone_at) tables[delivery.table].push_back(&delivery);
  }
  std::set<std::string> needed;
  for (const auto& [table, all] : tables) {
    const bool only_partitions = std::all_of(all.begin(), all.end(), [](const Delivery* one) {
      return one->write == Write::kPartition;
    });
    only_partitions ? AddPartitions(all, needed) : AddWhole(all, needed);
  }
  return needed;
}

}  // namespace busker::deliver
