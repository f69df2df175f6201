// What other people do with the tables that Busker delivers to, and what a delivery leaves of
// theirs.
#include "deliver/bigquery_fixture.h"

namespace busker::deliver {
namespace {

using BigQueryOthers = BigQueryFixture;

TEST_F(BigQueryOthers, WhatATableHasBesidesRowsStays) {
  MakeTable({{"description", "By hand."}, {"labels", {{"cost", "growth"}}}});
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  json table = cloud().TableResource("predictions");
  EXPECT_EQ(table.at("schema").at("fields").at(0).at("description"), "whose");
  EXPECT_EQ(table.at("description"), "By hand.");
  Request more = Asking("two", "s,id,score\ny,2,0.5\n", 2);
  more.schema = {{"id", "INT64"}, {"s", "STRING"}, {"score", "FLOAT64"}};
  const auto delivered = Deliver(more);
  ASSERT_TRUE(delivered) << delivered.error().message;
  EXPECT_EQ(Rows(), "2,y,0.5");
  table = cloud().TableResource("predictions");
  EXPECT_EQ(table.at("schema").at("fields").at(0).at("description"), "whose");
  Request other = Asking("three", "id,s\nz,3\n", 3);
  other.schema = {{"id", "STRING"}, {"s", "STRING"}};
  EXPECT_ERROR(Deliver(other), ErrorKind::kInvalid, "lose the description of column \"id\"");
  EXPECT_EQ(Rows(), "2,y,0.5");
}

TEST_F(BigQueryOthers, RowPoliciesKeepATablesColumnsAsTheyAre) {
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  cloud().Control("datasets/game/tables/predictions/row_policies",
                  {{"name", "own"}, {"filter", "id = 1"}});
  ASSERT_TRUE(Deliver(Declared("two", "id,s\n2,x\n", 2)));
  Request other = Asking("three", "id\n3\n", 3);
  other.schema = {{"id", "STRING"}};
  EXPECT_ERROR(Deliver(other), ErrorKind::kInvalid, "its row access policies");
  EXPECT_EQ(Rows(), "2,x");
}

TEST_F(BigQueryOthers, RowsThatNobodyOfUsDeliveredAreNotReplacedUnlessForced) {
  MakeTable(json::object());
  AddByHand("SELECT 7 AS id, 'z' AS s");
  Request request = Declared("one", "id,s\n1,x\n");
  EXPECT_ERROR(Deliver(request), ErrorKind::kInvalid, "1 row that Busker did not deliver");
  EXPECT_EQ(Rows(), "7,z");
  request.force = true;
  ASSERT_TRUE(Deliver(request));
  EXPECT_EQ(Rows(), "1,x");
  EXPECT_ERROR(warehouse().Undo("one"), ErrorKind::kInvalid,
               "bq cp example-project:game.predictions@");
}

// The first thing that was said was --force, which loses them.
TEST_F(BigQueryOthers, RowsOfOthersAreToldWithWhatKeepsThem) {
  MakeTable(json::object());
  AddByHand("SELECT 7 AS id, 'z' AS s");
  const auto refused = Deliver(Declared("one", "id,s\n1,x\n"));
  ASSERT_FALSE(refused);
  const std::string& why = refused.error().message;
  const auto elsewhere = why.find("deliver to another table");
  const auto copy = why.find("`bq cp example-project:game.predictions ");
  EXPECT_LT(elsewhere, copy) << why;
  EXPECT_LT(copy, why.find("--force")) << why;
  EXPECT_NE(why.find("there is no ledger in the dataset"), std::string::npos) << why;
}

// Rows that Busker had delivered were called another's, without a word of why.
TEST_F(BigQueryOthers, ALedgerThatIsGoneIsNamedWhereItsRowsCountAsOthers) {
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  EXPECT_EQ(cloud().Api("DELETE", std::string("/datasets/game/tables/") + kLedgerTable).first, 204);
  EXPECT_ERROR(Deliver(Declared("two", "id,s\n2,x\n", 2)), ErrorKind::kInvalid,
               "`bq cp example-project:game._busker_deliveries@TIME "
               "example-project:game._busker_deliveries` brings it back");
  EXPECT_EQ(Rows(), "1,x");
}

// An append into a table of others noted none of their rows: its undo dropped the table, and the
// next replace took them without a word.
TEST_F(BigQueryOthers, RowsOfOthersOutliveAnAppend) {
  MakeTable(json::object());
  AddByHand("SELECT 7 AS id, 'z' AS s");
  Request one = Declared("one", "id,s\n1,x\n"), two = Declared("two", "id,s\n2,x\n");
  one.write = two.write = Write::kAppend;
  ASSERT_TRUE(Deliver(one));
  EXPECT_ERROR(warehouse().Undo("one"), ErrorKind::kInvalid, "1 row that Busker did not deliver");
  ASSERT_TRUE(Deliver(two));
  EXPECT_ERROR(warehouse().Undo("two"), ErrorKind::kInvalid, "1 row that Busker did not deliver");
  Request all = Declared("all", "id,s\n3,x\n", 2);
  EXPECT_ERROR(Deliver(all), ErrorKind::kInvalid, "1 row that Busker did not deliver");
  EXPECT_EQ(Rows(), "1,x; 2,x; 7,z");
  all.force = true;
  ASSERT_TRUE(Deliver(all));
  EXPECT_EQ(Rows(), "3,x");
  EXPECT_ERROR(warehouse().Undo("all"), ErrorKind::kInvalid, "it replaced 1 row");
  ASSERT_TRUE(warehouse().Undo("all", /*force=*/true));
  EXPECT_EQ(Rows(), "1,x; 2,x");
  ASSERT_TRUE(warehouse().Undo("two")) << "there are no others' any more";
}

TEST_F(BigQueryOthers, RowsOfOthersStayInTheirPartition) {
  const auto partition = [&](const std::string& id, int day) {
    Request request = Declared(id, "id,s\n1," + id + "\n", day);
    request.write = Write::kPartition;
    return request;
  };
  ASSERT_TRUE(Deliver(partition("one", 1)));
  AddByHand("SELECT 7 AS id, 'z' AS s, DATE '2019-08-02' AS data_date");
  EXPECT_ERROR(Deliver(partition("two", 2)), ErrorKind::kInvalid, "1 row that Busker did not");
  ASSERT_TRUE(Deliver(partition("three", 3)));
  ASSERT_TRUE(Deliver(partition("again", 1)));
  EXPECT_EQ(Rows(), "1,again,2019-08-01; 1,three,2019-08-03; 7,z,2019-08-02");
  const auto undone = warehouse().Undo("again", /*force=*/false);
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(Rows(), "1,one,2019-08-01; 1,three,2019-08-03; 7,z,2019-08-02");
}

// As many columns, and the partition got NULL for those of another name, and a cast for those of
// another type.
TEST_F(BigQueryOthers, APartitionWithOtherColumnsThanItsTableIsRefused) {
  MakeTable({{"schema",
              {{"fields",
                {{{"name", "id"}, {"type", "INTEGER"}},
                 {{"name", "s"}, {"type", "STRING"}},
                 {{"name", "data_date"}, {"type", "DATE"}}}}}},
             {"timePartitioning", {{"type", "DAY"}, {"field", "data_date"}}}});
  Request renamed = Asking("one", "id,score\n1,x\n");
  renamed.schema = {{"id", "INT64"}, {"score", "STRING"}};
  renamed.write = Write::kPartition;
  EXPECT_ERROR(Deliver(renamed), ErrorKind::kInvalid, "has no column \"score\" of STRING");
  Request retyped = Asking("two", "id,s\n1,2\n");
  retyped.schema = {{"id", "INT64"}, {"s", "INT64"}};
  retyped.write = Write::kPartition;
  EXPECT_ERROR(Deliver(retyped), ErrorKind::kInvalid,
               "column \"s\" is STRING in the table and INT64 in the delivery");
  EXPECT_EQ(Rows(), "");
  Request fitting = Declared("three", "s,id\nx,1\n");
  fitting.write = Write::kPartition;
  ASSERT_TRUE(Deliver(fitting));
  EXPECT_EQ(Rows(), "1,x,2019-08-01");
}

// Undo wrote the day's partition anew, and the rows of an append of that day went with it.
TEST_F(BigQueryOthers, WhatHasNoPartitionOutlivesTheUndoOfOne) {
  Request one = Declared("one", "id,s\n1,x\n"), two = Declared("two", "id,s\n2,y\n", 2);
  one.write = two.write = Write::kPartition;
  ASSERT_TRUE(Deliver(one));
  ASSERT_TRUE(Deliver(two));
  Request more = Asking("more", "id,s,data_date\n3,z,2019-08-02\n", 2);
  more.schema = {{"id", "INT64"}, {"s", "STRING"}, {"data_date", "DATE"}};
  more.write = Write::kAppend;
  const auto appended = Deliver(more);
  ASSERT_TRUE(appended) << appended.error().message;
  Request forced = Declared("three", "id,s\n4,x\n", 2);
  forced.write = Write::kPartition;
  forced.force = true;
  EXPECT_ERROR(Deliver(forced), ErrorKind::kInvalid, "rows of deliveries without one");
  const auto undone = warehouse().Undo("two");
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(Rows(), "1,x,2019-08-01; 3,z,2019-08-02");
}

// With force, a partition took the place of a whole table on record, and of one day in the table.
TEST_F(BigQueryOthers, APartitionThatIsForcedOnAWholeTableReplacesAllOfIt) {
  Request first = Declared("first", "id,s\n0,x\n");
  first.write = Write::kPartition;
  ASSERT_TRUE(Deliver(first));
  Request whole = Asking("whole", "id,s,data_date\n1,x,2019-08-01\n2,y,2019-08-02\n", 2);
  whole.schema = {{"id", "INT64"}, {"s", "STRING"}, {"data_date", "DATE"}};
  ASSERT_TRUE(Deliver(whole));
  Request forced = Declared("three", "id,s\n3,z\n", 2);
  forced.write = Write::kPartition;
  EXPECT_ERROR(Deliver(forced), ErrorKind::kInvalid, "the table is not partitioned");
  forced.force = true;
  const auto delivered = Deliver(forced);
  ASSERT_TRUE(delivered) << delivered.error().message;
  EXPECT_EQ(Rows(), "3,z,2019-08-02");
  EXPECT_TRUE(warehouse().Check()->empty());
  ASSERT_TRUE(warehouse().Undo("three"));
  EXPECT_EQ(Rows(), "1,x,2019-08-01; 2,y,2019-08-02");
}

// An empty line of a file with one column is a row, which BigQuery left out and nobody counted.
TEST_F(BigQueryOthers, EmptyLinesOfOneColumnAreNotLost) {
  Request request = Asking("one", "s\nx\n\ny\n");
  request.schema = {{"s", "STRING"}};
  EXPECT_ERROR(Deliver(request), ErrorKind::kInvalid, "the file has 3 rows, 2 arrived");
  Request plain = Asking("two", "s\nx\ny\n");
  plain.schema = request.schema;
  ASSERT_TRUE(Deliver(plain));
}

TEST_F(BigQueryOthers, UndoLeavesWhatSomebodyElseHasChangedUnlessForced) {
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  ASSERT_TRUE(Deliver(Declared("two", "id,s\n2,x\n", 2)));
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(
      cloud().Api("PATCH", "/datasets/game/tables/predictions", {{"description", "mine"}}).first,
      200);
  EXPECT_ERROR(warehouse().Undo("two"), ErrorKind::kInvalid, "busker undo --force");
  EXPECT_EQ(Rows(), "2,x");
  const auto undone = warehouse().Undo("two", /*force=*/true);
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(Rows(), "1,x");
}

TEST_F(BigQueryOthers, UndoNeedsTheFileOfBefore) {
  const Request one = Declared("one", "id,s\n1,x\n");
  ASSERT_TRUE(Deliver(one));
  ASSERT_TRUE(Deliver(Declared("two", "id,s\n2,x\n", 2)));
  ASSERT_TRUE(files().PutText(one.source.key, "id,s\n9,x\n", artifact::ForFiles()));
  EXPECT_ERROR(warehouse().Undo("two"), ErrorKind::kInvalid, "is not what delivery one brought");
  EXPECT_EQ(Rows(), "2,x");
}

TEST_F(BigQueryOthers, CheckTellsWhatSomebodyElseHasDone) {
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  EXPECT_TRUE(warehouse().Check()->empty());
  EXPECT_EQ(cloud().Api("DELETE", "/datasets/game/tables/predictions").first, 204);
  const auto faults = warehouse().Check();
  ASSERT_EQ(faults->size(), 1U);
  EXPECT_NE(faults->front().find("game.predictions is gone"), std::string::npos) << faults->front();
}

TEST_F(BigQueryOthers, NothingIsLeftOfStaging) {
  ASSERT_TRUE(Deliver(Declared("one", "id,s\n1,x\n")));
  ASSERT_TRUE(Deliver(Declared("two", "id,s\n2,x\n", 2)));
  ASSERT_TRUE(warehouse().Undo("two"));
  const json list = cloud().Api("GET", "/datasets/game/tables").second;
  EXPECT_EQ(list.at("tables").size(), 2U) << list.dump(1);  // it, and the ledger
}

}  // namespace
}  // namespace busker::deliver
