// What every warehouse promises, as tests; warehouse_values_conformance_test.cc has what it
// promises of values, and warehouse_fixture.h says how a back end plugs in.
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {

// ---- what arrives

TEST_P(WarehouseConformance, DeliversAFileAndRemembersWhoDidIt) {
  Request request = Asking("one", "player_id,label\na,true\nb,false\n");
  request.schema = {{"player_id", "string"}, {"label", "BOOLEAN"}};
  request.source.sha256 = files().Digest(request.source.key, artifact::ForFiles())->sha256;
  const Delivery delivery = Deliver(request);
  EXPECT_EQ(delivery.rows, 2U);
  EXPECT_EQ(delivery.table_rows, 2U);
  EXPECT_EQ(TextOf(delivery.columns), "player_id STRING, label BOOL");
  EXPECT_TRUE(delivery.current);
  EXPECT_EQ(Rows(), "a,true; b,false");

  Reopen();
  const auto deliveries = warehouse().Deliveries("game.predictions");
  ASSERT_TRUE(deliveries);
  ASSERT_EQ(deliveries->size(), 1U);
  const Delivery& kept = deliveries->front();
  EXPECT_EQ(kept.id, "one");
  EXPECT_EQ(kept.run, "run-one");
  EXPECT_EQ(kept.service, "churn");
  EXPECT_EQ(kept.model_version, "churn/2019-07-01/training/20190801T000000Z");
  EXPECT_EQ(kept.file_sha256, request.source.sha256);
  EXPECT_EQ(kept.data_date, "2019-08-01");
  EXPECT_EQ(kept.scheduled_at, request.scheduled_at);
  EXPECT_EQ(kept.snapshot_sha256, delivery.snapshot_sha256);
  EXPECT_EQ(kept.delivered_at, delivery.delivered_at);
  EXPECT_TRUE(kept.current);
  EXPECT_TRUE(warehouse().Deliveries("game.other")->empty());
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_P(WarehouseConformance, GivesTheTableTheOrderOfTheSchema) {
  Request request = Asking("one", "label,player_id\n1,a\n");
  request.schema = {{"player_id", "STRING"}, {"label", "INT64"}};
  Deliver(request);
  EXPECT_EQ(Rows(), "a,1");
}

TEST_P(WarehouseConformance, TakesWindowsLineEndsByteOrderMarkAndMissingLastLineEnd) {
  Deliver(Asking("one", "\xEF\xBB\xBFid,s\r\n1,\"x\r\ny\"\r\n2,z"));
  EXPECT_EQ(Rows(), "1,x\r\ny; 2,z");
  Deliver(Asking("two", "\xEF\xBB\xBF\"id\",\"s\"\n3,\"\"\"q\"\"\"\n\n4,5\" pipe\n", 2));
  EXPECT_EQ(Rows(), "3,\"q\"; 4,5\" pipe");
}

TEST_P(WarehouseConformance, TakesNamesThatNeedQuoting) {
  if (!GetParam().takes_any_name) {
    ExpectFileRefused("id,it's\n1,2\n", "takes no column named \"it's\"");
    return;
  }
  const Delivery delivery =
      Deliver(Asking("one", "\"a \"\"b\"\"\",it's,select,\"c,d\"\n1,2,3,4\n"));
  EXPECT_EQ(TextOf(delivery.columns), "a \"b\" INT64, it's INT64, select INT64, c,d INT64");
  EXPECT_EQ(Rows(), "1,2,3,4");
}

TEST_P(WarehouseConformance, CountsEmptyLinesOfASingleColumnAsRows) {
  if (!GetParam().takes_empty_rows) {
    ExpectFileRefused("s\nx\n\ny\n", "the file has 3 rows, 2 arrived");
    return;
  }
  EXPECT_EQ(Deliver(Asking("one", "s\nx\n\ny\n")).rows, 3U);
}

// ---- ways to write

TEST_P(WarehouseConformance, ReplacesTheTable) {
  Deliver(Asking("one", "id\n1\n2\n"));
  const Delivery second = Deliver(Asking("two", "other\nx\n", 2));
  EXPECT_EQ(second.table_rows, 1U);
  EXPECT_EQ(Rows(), "x");
  EXPECT_FALSE(warehouse().Deliveries()->front().current);
}

TEST_P(WarehouseConformance, AppendsToTheTable) {
  for (const std::string id : {"1", "2", "3"}) {
    Request request = Asking("d" + id, "id,p\n" + id + ",0." + id + "\n");
    request.write = Write::kAppend;
    EXPECT_EQ(Deliver(request).table_rows, std::stoull(id));
  }
  EXPECT_EQ(Rows(), "1,0.1; 2,0.2; 3,0.3");
}

TEST_P(WarehouseConformance, RefusesToAppendOtherColumnsAndNamesTheDifference) {
  Request request = Asking("one", "id,p\n1,0.5\n");
  request.schema = {{"id", "INT64"}, {"p", "FLOAT64"}};
  Deliver(request);
  request = Asking("two", "id,q\n1,0.5\n");
  request.write = Write::kAppend;
  ExpectRefused(request, "\"p\"");
  request = Asking("two", "id,p\n1,x\n");
  request.write = Write::kAppend;
  request.schema = {{"id", "INT64"}, {"p", "STRING"}};
  ExpectRefused(request, "column \"p\" is FLOAT64 in the table and STRING in the delivery");
  request = Asking("two", "p,id\n1,2\n");  // another order is no difference, and 1 is a FLOAT64
  request.write = Write::kAppend;
  Deliver(request);
  EXPECT_EQ(Rows(), "1,0.5; 2,1.0");
}

TEST_P(WarehouseConformance, ReplacesOnePartition) {
  const auto partition = [&](const std::string& id, const std::string& csv, int day) {
    Request request = Asking(id, csv, day);
    request.write = Write::kPartition;
    return Deliver(request);
  };
  EXPECT_EQ(TextOf(partition("one", "id\n1\n", 1).columns), "id INT64, data_date DATE");
  partition("two", "id\n2\n", 2);
  EXPECT_EQ(partition("again", "id\n11\n12\n", 1).table_rows, 3U);
  EXPECT_EQ(Rows(), "11,2019-08-01; 12,2019-08-01; 2,2019-08-02");
}

// The convention writes the table as a whole; with write = "partition" each delivery was refused
// from then on, by a sentence without a command that helps.
TEST_P(WarehouseConformance, PutsAPartitionInPlaceOfATableThatHasNoneWhenForced) {
  Deliver(Asking("one", "id\n1\n"));
  Request request = Asking("two", "id,score\n2,0.5\n", 2);
  request.write = Write::kPartition;
  ExpectRefused(request, "not partitioned: delivery one wrote it as a whole");
  ExpectRefused(request, "busker run --force");
  ExpectRefused(request, "busker undo one");
  request.force = true;
  EXPECT_EQ(TextOf(Deliver(request).columns), "id INT64, score FLOAT64, data_date DATE");
  EXPECT_EQ(Rows(), "2,0.5,2019-08-02");
  request = Asking("three", "id,score\n3,1\n", 1);
  request.write = Write::kPartition;
  EXPECT_EQ(Deliver(request).table_rows, 2U);
  ASSERT_TRUE(warehouse().Undo("three"));
  ASSERT_TRUE(warehouse().Undo("two"));
  EXPECT_EQ(Rows(), "1");
  request = Asking("four", "id\n4\n", 2);
  request.write = Write::kPartition;
  request.table = "game.others";
  request.source = Csv("id,Data_Date\n1,2019-01-01\n");
  ExpectRefused(request, "data_date");
}

TEST_P(WarehouseConformance, NeverPutsAnOlderDateInPlaceOfANewerOne) {
  Deliver(Asking("new", "id\n1\n", 5));
  Request old = Asking("old", "id\n2\n", 4);
  ExpectRefused(old, "--force");
  ExpectRefused(old, "2019-08-05T07:00:00Z");
  old.force = true;
  Deliver(old);
  EXPECT_EQ(Rows(), "2");
  Deliver(Asking("same", "id\n3\n", 4));
  EXPECT_EQ(Rows(), "3");
}

TEST_P(WarehouseConformance, BackfillsPartitionsInAnyOrder) {
  for (const int day : {5, 3, 4}) {
    Request request = Asking("d" + std::to_string(day), "id\n1\n", day);
    request.write = Write::kPartition;
    Deliver(request);
  }
  Request late = Asking("late", "id\n2\n", 5);
  late.write = Write::kPartition;
  late.scheduled_at -= std::chrono::hours(1);
  ExpectRefused(late, "--force");
}

// ---- the same delivery twice, and undo

TEST_P(WarehouseConformance, DeliversOnceForOneId) {
  Request request = Asking("one", "id\n1\n");
  request.write = Write::kAppend;
  const Delivery first = Deliver(request);
  const Delivery second = Deliver(request);
  EXPECT_EQ(second.delivered_at, first.delivered_at);
  EXPECT_EQ(second.snapshot_sha256, first.snapshot_sha256);
  EXPECT_EQ(Rows(), "1");
  EXPECT_EQ(warehouse().Deliveries()->size(), 1U);
  request.table = "game.others";
  ExpectRefused(request, "game.predictions");
}

TEST_P(WarehouseConformance, UndoesADelivery) {
  Deliver(Asking("one", "id\n1\n"));
  Deliver(Asking("two", "id,p\n2,x\n", 2));
  const auto undone = warehouse().Undo("two");
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_TRUE(undone->undone_at);
  EXPECT_FALSE(undone->current);
  EXPECT_EQ(undone->table_rows, 1U);
  EXPECT_EQ(TextOf(undone->columns), "id INT64");
  EXPECT_EQ(Rows(), "1");
  EXPECT_TRUE(warehouse().Deliveries()->front().current);
  EXPECT_ERROR(warehouse().Undo("two"), ErrorKind::kInvalid, "already");
  ExpectRefused(Asking("two", "id\n2\n", 2), "undone");
  Deliver(Asking("three", "id\n3\n", 2));
  EXPECT_EQ(Rows(), "3");
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_P(WarehouseConformance, NamesTheLaterDeliveryThatHasToBeUndoneFirst) {
  Deliver(Asking("one", "id\n1\n"));
  Deliver(Asking("two", "id\n2\n", 2));
  EXPECT_ERROR(warehouse().Undo("one"), ErrorKind::kInvalid, "two");
  ASSERT_TRUE(warehouse().Undo("two"));
  ASSERT_TRUE(warehouse().Undo("one"));
  EXPECT_ERROR(warehouse().Undo("never"), ErrorKind::kNotFound, "never");
  EXPECT_ERROR(warehouse().Undo("../x"), ErrorKind::kNotFound, "../x");
}

TEST_P(WarehouseConformance, HasNoTableOnceItsOnlyDeliveryIsUndone) {
  // What undo returned were the rows of the delivery, as if the table still had them.
  Deliver(Asking("one", "id\n1\n"));
  const auto undone = warehouse().Undo("one");
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(undone->table_rows, 0U);
  EXPECT_TRUE(undone->columns.empty());
  EXPECT_FALSE(warehouse().Query("SELECT * FROM game.predictions", 1));
  Deliver(Asking("two", "name\nx\n"));
  EXPECT_EQ(Rows(), "x");
}

TEST_P(WarehouseConformance, UndoesOneOfSeveralAppendsAndPartitions) {
  for (const std::string id : {"1", "2", "3"}) {
    Request request = Asking("a" + id, "id\n" + id + "\n");
    request.write = Write::kAppend;
    Deliver(request);
  }
  ASSERT_TRUE(warehouse().Undo("a2"));
  EXPECT_EQ(Rows(), "1; 3");
  Request other = Asking("r", "name\nx\n");
  Deliver(other);
  other = Asking("s", "name\ny\n");
  other.write = Write::kAppend;
  Deliver(other);
  EXPECT_ERROR(warehouse().Undo("r"), ErrorKind::kInvalid, "delivery s");
  ASSERT_TRUE(warehouse().Undo("s"));
  ASSERT_TRUE(warehouse().Undo("r"));
  EXPECT_EQ(Rows(), "1; 3");
}

// ---- files that are wrong

TEST_P(WarehouseConformance, TakesOneColumnOfAnyNameWhenTheSchemaHasIt) {
  if (!GetParam().takes_any_name) {
    ExpectFileRefused("id;score\n1;0.5\n", "takes no column named", {{"id;score", "STRING"}});
    ExpectFileRefused("0,1\n0.25,0.75\n", "takes no column named \"0\"",
                      {{"0", "FLOAT64"}, {"1", "FLOAT64"}});
    return;
  }
  Request request = Asking("one", "id;score\n1;0.5\n");
  request.schema = {{"id;score", "STRING"}};
  Deliver(request);
  EXPECT_EQ(Rows(), "1;0.5");
  request = Asking("two", "0,1\n0.25,0.75\n", 2);
  request.schema = {{"0", "FLOAT64"}, {"1", "FLOAT64"}};
  Deliver(request);
  EXPECT_EQ(Rows(), "0.25,0.75");
}

TEST_P(WarehouseConformance, RefusesColumnsThatAreMissingUnknownOrThereTwice) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  const std::vector<Column> schema = {{"id", "INT64"}, {"label", "BOOL"}};
  ExpectFileRefused("id\n1\n", "no column \"label\"", schema);
  ExpectFileRefused("id,labels\n1,true\n", "did you mean \"labels\"?", schema);
  ExpectFileRefused("id,label,extra\n1,true,x\n", "\"extra\"", schema);
  ExpectFileRefused("id,label,ID\n1,true,x\n", "\"ID\" twice");
  ExpectFileRefused("id,,x\n1,2,3\n", "column 2");
}

TEST_P(WarehouseConformance, RefusesRowsWithTooFewOrTooManyValues) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  ExpectFileRefused("id,label\n1,true\n2\n",
                    "row 2 (line 3): it has 1 values where the header has 2");
  ExpectFileRefused("id,label\n1,true\n2,false,x\n", "row 2 (line 3): it has 3 values");
  ExpectFileRefused("id,label\n1,true\n2,false,\n", "row 2 (line 3): it has 3 values");
  ExpectFileRefused("id,label\n1,true\n2,\"fal\n", "row 2 (line 3)");
  ExpectFileRefused("id,label\n1,true\n2,\"a\"b\n", "row 2 (line 3)");
  ExpectFileRefused("id,label\n1,true\r\n2,true\n", "row 1 (line 2): its line ends in CRLF");
}

TEST_P(WarehouseConformance, RefusesWhatIsNoCsvFile) {
  Deliver(Asking("one", "id,label\n1,true\n"));
  ExpectFileRefused("", "empty");
  ExpectFileRefused("\n", "name the columns");
  ExpectFileRefused("id,label\n", "no rows");
  ExpectFileRefused("id,label", "no rows");
  ExpectFileRefused("id,label\n1,\xff\xfe\n", "UTF-8");
  ExpectFileRefused("id,l\xff\n1,2\n", "UTF-8");
  ExpectFileRefused("id,label\r1,2\r", "CR alone");
  // A file with semicolons became a table of one column, one without a header lost its first row.
  const std::vector<Column> schema = {{"id", "INT64"}, {"score", "FLOAT64"}};
  for (const auto& [mark, name] : std::vector<std::pair<std::string, std::string>>{
           {";", "semicolons"}, {"\t", "tabs"}, {"|", "vertical bars"}}) {
    ExpectFileRefused("id" + mark + "score\n1" + mark + "0.5\n", name);
    ExpectFileRefused("id" + mark + "score\n1" + mark + "0.5\n", name, schema);
    ExpectFileRefused("\"id\"" + mark + "\"score\"\n1" + mark + "0.5\n", name);
  }
  for (const std::string csv :
       {"1,0.5\n2,0.7\n", "5\n6\n", "2026-02-03,true\n2026-02-04,false\n"}) {
    ExpectFileRefused(csv, "is the header missing?");
    ExpectFileRefused(csv, "is the header missing?", schema);
  }
  ExpectFileRefused("id,v\n1,\"" + std::string(3'000'000, 'x') + "\"\n",
                    "row 1 (line 2): it is longer than 2,000,000 bytes");
  ExpectFileRefused("id,v\n1,\"" + std::string(3'000'000, 'x') + "\n",
                    "row 1 (line 2): it is longer than 2,000,000 bytes");
  ExpectFileRefused("id,v\n1," + std::string(3'000'000, 'x') + "\n",
                    "row 1 (line 2): it is longer than 2,000,000 bytes");
  Request request = Asking("refused", "id\n1\n", 30);
  ASSERT_TRUE(files().PutText("folder/file", "id\n1\n", artifact::ForFiles()));
  request.source.key = "folder";
  EXPECT_FALSE(warehouse().Deliver(request));
  request.source.key = "nothing.csv";
  ExpectRefused(request, "nothing.csv", ErrorKind::kNotFound);
}

TEST_P(WarehouseConformance, RefusesAFileThatIsNotTheOneMeant) {
  Request request = Asking("one", "id\n1\n");
  request.source.sha256 = std::string(64, '0');
  ExpectRefused(request, "SHA-256");
}

TEST_P(WarehouseConformance, HoldsARowCountAgainstWhatIsExpected) {
  Request request = Asking("one", "id\n1\n2\n");
  request.rows_min = 3;
  ExpectRefused(request, "2 rows, at least 3");
  request = Asking("one", "id\n");
  request.schema = {{"id", "INT64"}};
  request.rows_min = 0;
  EXPECT_EQ(Deliver(request).rows, 0U);
}

TEST_P(WarehouseConformance, RefusesNamesThatAreNone) {
  const auto refused = [&](auto&& change, const std::string& part) {
    Request request = Asking("one", "id\n1\n");
    change(request);
    EXPECT_ERROR(warehouse().Deliver(request), ErrorKind::kInvalid, part);
  };
  for (const std::string table :
       {"", "game", "game.", "../x.y", "game.a.b", "Game.x", "g;.x", "game.\"x"}) {
    refused([&](Request& r) { r.table = table; }, "not a valid name of a table");
  }
  for (const std::string id : {"", "../one", "a/b", ".x", "A", "a b"})
    refused([&](Request& r) { r.id = id; }, "id");
  refused([](Request& r) { r.schema = {{"id", "STRIN"}}; }, "did you mean \"STRING\"?");
  refused([](Request& r) { r.schema = {{"id", "STRING"}, {"ID", "STRING"}}; }, "twice");
  refused(
      [](Request& r) {
        r.data_date = "2019-02-30";
        r.write = Write::kPartition;
      },
      "data date");
}

// ---- queries

TEST_P(WarehouseConformance, AnswersAQueryWithTypesAndALimit) {
  Deliver(Asking("one", "id,label,p,s\n1,true,0.5,x\n2,false,,y\n3,true,1.5,z\n"));
  const auto answer = warehouse().Query(
      "SELECT id, label, p, s, id AS id FROM game.predictions ORDER BY id DESC;  -- x", 2);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->columns.size(), 5U);
  EXPECT_EQ(answer->columns[1], "label");
  ASSERT_EQ(answer->rows.size(), 2U);
  EXPECT_TRUE(answer->truncated);
  EXPECT_EQ(TextOf(answer), "3,true,1.5,z,3; 2,false,NULL,y,2");
  EXPECT_EQ(answer->rows[0][0].kind, Value::Kind::kNumber);
  EXPECT_EQ(answer->rows[0][1].kind, Value::Kind::kBool);
  EXPECT_EQ(answer->rows[1][2].kind, Value::Kind::kNull);
  EXPECT_EQ(answer->rows[0][3].kind, Value::Kind::kText);
  EXPECT_FALSE(warehouse().Query("SELECT 1", 1)->truncated);
  Request not_finite = Asking("two", "p\nnan\n", 2);  // which is no number to JSON
  not_finite.schema = {{"p", "FLOAT64"}};
  Deliver(not_finite);
  EXPECT_EQ(warehouse().Query("SELECT p FROM game.predictions", 1)->rows[0][0].kind,
            Value::Kind::kText);
}

TEST_P(WarehouseConformance, RefusesQueriesThatChangeAnything) {
  Deliver(Asking("one", "id\n1\n"));
  for (const std::string sql :
       {"DROP VIEW game.predictions", "INSERT INTO game.predictions VALUES (2)",
        "CREATE TABLE t AS SELECT 1", "DELETE FROM game.predictions", "SELECT 1; DROP SCHEMA game",
        "CREATE SCHEMA x", "BEGIN", ""}) {
    EXPECT_ERROR(warehouse().Query(sql, 10), ErrorKind::kInvalid, "");
  }
  EXPECT_ERROR(warehouse().Query("SELEC 1", 10), ErrorKind::kInvalid, "SELEC");
  EXPECT_ERROR(warehouse().Query("SELECT * FROM game.prediction", 10), ErrorKind::kInvalid,
               "prediction");
  EXPECT_EQ(Rows(), "1");
}

TEST_P(WarehouseConformance, TellsDeliveriesToAllTablesInTheOrderOfTime) {
  for (const std::string name : {"b", "a", "c", "b", "a"}) {
    const std::string id = name + std::to_string(warehouse().Deliveries()->size());
    Request request = Asking(id, "id\n1\n");
    request.table = "game." + name;
    Deliver(request);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // another instant
  }
  std::string told;
  const auto deliveries = warehouse().Deliveries().value();
  for (const Delivery& delivery : deliveries) told += delivery.id + " ";
  EXPECT_EQ(told, "b0 a1 c2 b3 a4 ");
}

// ---- at the same time

// Who waits for the table sees it as it is when the wait is over: by what it was before, a delivery
// was refused, or one id delivered twice.
TEST_P(WarehouseConformance, DeliversWhatSeveralBringAtOnceEachOnce) {
  std::vector<Request> requests;
  for (const std::string id : {"a", "b", "c", "d", "a", "b"}) {
    requests.push_back(Asking(id, "id\n" + std::to_string(id[0]) + "\n"));
    requests.back().write = Write::kAppend;
  }
  std::vector<std::thread> delivering;
  for (const Request& request : requests) {
    delivering.emplace_back([&] {
      auto own = GetParam().open(place());
      ASSERT_TRUE(own);
      const auto delivered = (*own)->Deliver(request);
      EXPECT_TRUE(delivered) << delivered.error().message;
    });
  }
  for (std::thread& one : delivering) one.join();
  EXPECT_EQ(Rows(), "100; 97; 98; 99");
  EXPECT_EQ(warehouse().Deliveries()->size(), 4U);
  EXPECT_TRUE(warehouse().Check()->empty());
}

TEST_P(WarehouseConformance, ShowsAReaderTheTableWhollyBeforeOrWhollyAfter) {
  const auto csv = [](int value) {
    std::string text = "id,value\n";
    for (int i = 0; i < 1000 + value; ++i)
      text += std::to_string(i) + "," + std::to_string(value) + "\n";
    return text;
  };
  Deliver(Asking("d0", csv(0)));
  std::atomic<bool> done = false;
  int answers = 0;
  std::thread reading([&] {
    auto reader = GetParam().open(place());
    ASSERT_TRUE(reader);
    while (!done) {
      const auto answer = (*reader)->Query(
          "SELECT count(DISTINCT value), count(*) - max(value) FROM game.predictions", 1);
      EXPECT_EQ(TextOf(answer), "1,1000");
      ++answers;
    }
  });
  for (int i = 1; i <= 15; ++i) Deliver(Asking("d" + std::to_string(i), csv(i)));
  for (int i = 15; i > 10; --i) EXPECT_TRUE(warehouse().Undo("d" + std::to_string(i)));
  done = true;
  reading.join();
  EXPECT_GT(answers, 0);
}

}  // namespace busker::deliver
