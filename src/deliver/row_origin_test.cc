// Whose run had written a row of a table, nobody could say but by comparing files.
#include "deliver/row_origin.h"

#include <gtest/gtest.h>

#include "deliver/warehouse_fixture.h"

namespace busker::deliver {
namespace {

class RowOriginTest : public testing::Test {
 protected:
  void Deliver(const std::string& id, const std::string& csv, int day, Write write) {
    Request request = test_.Asking(id, csv, day);
    request.write = write;
    const auto done = warehouse_->Deliver(request);
    ASSERT_TRUE(done) << done.error().message;
  }
  // "second 1, first 2": deliveries with how many rows.
  std::string Origins(const RowText& row) const {
    const auto found = FindOrigins(test_.place(), DuckdbPath(), "game.predictions", row);
    if (!found) return found.error().message;
    std::string text;
    for (const Origin& origin : *found) {
      text += (text.empty() ? "" : ", ") + origin.delivery + " " + std::to_string(origin.rows);
    }
    return text;
  }

  WarehouseTest test_;
  std::unique_ptr<Warehouse> warehouse_ =
      OpenWarehouse("embedded://" + test_.place().string(), DuckdbPath()).value();
};

TEST_F(RowOriginTest, NamesTheDeliveriesThatBroughtIt) {
  Deliver("first", "id,p,note\n1,0.5,it's\n2,0.25,\n2,0.25,\n", 1, Write::kAppend);
  Deliver("second", "id,p,note\n1,0.75,b\n2,0.25,\n", 2, Write::kAppend);
  EXPECT_EQ(Origins({{"id", "1"}, {"p", "0.75"}}), "second 1");
  EXPECT_EQ(Origins({{"id", "1"}, {"p", "0.5"}, {"note", "it's"}}), "first 1");
  EXPECT_EQ(Origins({{"id", "2"}, {"note", std::nullopt}}), "second 1, first 2");
  EXPECT_EQ(Origins({{"id", "9"}}), "");
  ASSERT_TRUE(warehouse_->Undo("second"));
  EXPECT_EQ(Origins({{"id", "2"}}), "first 2") << "what was undone is not in the table";
}

TEST_F(RowOriginTest, LooksIntoThePartitionOfItsDataDate) {
  Deliver("first", "id,p\n1,0.5\n", 1, Write::kPartition);
  Deliver("second", "id,p\n1,0.5\n", 2, Write::kPartition);
  EXPECT_EQ(Origins({{"id", "1"}, {"data_date", "2019-08-01"}}), "first 1");
  EXPECT_EQ(Origins({{"id", "1"}}), "second 1, first 1");
}

TEST_F(RowOriginTest, RefusesWhatIsNoRowOfTheTable) {
  EXPECT_EQ(Origins({{"id", "1"}}), "there is no table game.predictions");
  Deliver("first", "id,p\n1,0.5\n", 1, Write::kReplace);
  EXPECT_EQ(Origins({}), "a row needs a value of one column at least");
  EXPECT_EQ(Origins({{"i\"d", "1"}}), "the table has no column \"i\"d\"");
  const std::string none = "a value that is asked for is none of its column's type";
  EXPECT_EQ(Origins({{"id", "one"}}), none);
  EXPECT_EQ(Origins({{"id", "1') OR ('1' = '1"}}), none);
}

}  // namespace
}  // namespace busker::deliver
