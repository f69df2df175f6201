#include "deliver/undoable.h"

#include <gtest/gtest.h>

namespace busker::deliver {
namespace {

Delivery Of(const std::string& id, Write write, const std::string& date = "",
            const std::string& table = "s.t") {
  Delivery delivery;
  delivery.id = id;
  delivery.table = table;
  delivery.write = write;
  delivery.data_date = date;
  return delivery;
}

using Ids = std::set<std::string>;

TEST(NeededByUndo, OfReplacementsTheLastTwo) {
  const auto one = [](const char* id) { return Of(id, Write::kReplace); };
  EXPECT_EQ(NeededByUndo({}), Ids());
  EXPECT_EQ(NeededByUndo({one("a")}), Ids{"a"});
  EXPECT_EQ(NeededByUndo({one("a"), one("b"), one("c")}), (Ids{"b", "c"}));
}

// A table of appended files is put together anew from all that remain.
TEST(NeededByUndo, OfAppendedFilesAllSinceTheReplacementBeforeTheLast) {
  const auto add = [](const char* id) { return Of(id, Write::kAppend); };
  const auto put = [](const char* id) { return Of(id, Write::kReplace); };
  EXPECT_EQ(NeededByUndo({add("a"), add("b")}), (Ids{"a", "b"}));
  EXPECT_EQ(NeededByUndo({put("a"), add("b"), put("c"), add("d"), put("e")}), (Ids{"c", "d", "e"}));
}

TEST(NeededByUndo, OfPartitionsWhatEachHeldBefore) {
  const auto put = [](const char* id, const char* date) { return Of(id, Write::kPartition, date); };
  EXPECT_EQ(NeededByUndo({put("a", "2026-01-01"), put("b", "2026-01-02")}), Ids());
  EXPECT_EQ(NeededByUndo({put("a", "2026-01-01"), put("b", "2026-01-02"), put("c", "2026-01-01"),
                          put("d", "2026-01-01")}),
            Ids{"c"});
  EXPECT_EQ(NeededByUndo({Of("w", Write::kReplace), put("a", "2026-01-01")}), (Ids{"w", "a"}))
      << "the whole is below the partition";
}

TEST(NeededByUndo, LeavesOutWhatWasUndoneAndKeepsTablesApart) {
  Delivery undone = Of("b", Write::kReplace);
  undone.undone_at = Now();
  EXPECT_EQ(NeededByUndo({Of("a", Write::kReplace), Of("x", Write::kReplace, "", "s.u"), undone}),
            (Ids{"a", "x"}));
}

}  // namespace
}  // namespace busker::deliver
