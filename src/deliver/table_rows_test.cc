// Rows by key, from deliveries to answers.
#include "deliver/table_rows.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <thread>

#include "deliver/warehouse_fixture.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

class TableRowsTest : public testing::Test, public WarehouseTest {
 protected:
  TableRowsTest()
      : warehouse_(*OpenWarehouse("embedded://" + place().string(), DuckdbPath())),
        reader_(std::in_place, place()) {}

  Request Keyed(const std::string& id, const std::string& csv, int day = 1,
                std::vector<std::string> key = {"id"}) {
    Request request = Asking(id, csv, day);
    request.key = std::move(key);
    return request;
  }
  void Deliver(const Request& request) {
    const auto delivery = warehouse_->Deliver(request);
    ASSERT_TRUE(delivery) << delivery.error().message;
  }
  static Instant At(const char* text) { return *ParseRfc3339(text); }

  // "DELIVERY: ROW", "none", or what is wrong.
  std::string Found(const std::vector<std::string>& key, const std::string& as_of = "",
                    Instant now = At("2019-08-31T00:00:00Z")) {
    const auto view = reader_->Look("game.predictions");
    if (!view) return "error: " + view.error().message;
    const auto text = (*view)->KeyText(key);
    if (!text) return "error: " + text.error().message;
    if (const auto fresh = (*view)->CheckAge(now); as_of.empty() && !fresh) {
      return "error: " + fresh.error().message;
    }
    const auto found = (*view)->Find(*text, as_of, now);
    if (!found) return "error: " + found.error().message;
    return *found ? (*found)->part->delivery + ": " + (*found)->json : "none";
  }
  std::string Fsck() {
    const auto faults = warehouse_->Check();
    return faults ? Join(*faults, "\n") : faults.error().message;
  }
  fs::path RowsPath(const std::string& delivery) {
    return place() / "game" / "predictions" / "parts" / (delivery + ".rows");
  }
  // Over what is there, as a disk would damage it.
  void Overwrite(const fs::path& path, std::size_t at, const std::string& bytes) {
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    const auto fd = io::Open(path, O_WRONLY);
    ASSERT_TRUE(fd);
    ASSERT_EQ(::pwrite(fd->get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(bytes.size()));
  }

  std::unique_ptr<Warehouse> warehouse_;
  std::optional<TableReader> reader_;
};

TEST_F(TableRowsTest, AreThoseOfTheDeliveryThatTheTableHasNow) {
  EXPECT_EQ(Found({"x"}), "error: there is no table game.predictions");
  Deliver(Keyed("one", "id,score\na,0.5\nb,1\n"));
  EXPECT_EQ(Found({"a"}), "one: {\"id\":\"a\",\"score\":0.5}");
  EXPECT_EQ(Found({"c"}), "none");
  Deliver(Keyed("two", "id,score\na,0.75\nc,2\n", 2));
  EXPECT_EQ(Found({"a"}), "two: {\"id\":\"a\",\"score\":0.75}");
  EXPECT_EQ(Found({"b"}), "none");
  ASSERT_TRUE(warehouse_->Undo("two"));
  EXPECT_EQ(Found({"a"}), "one: {\"id\":\"a\",\"score\":0.5}");
  ASSERT_TRUE(warehouse_->Undo("one"));
  EXPECT_EQ(Found({"a"}), "error: there is no table game.predictions");
  Deliver(Keyed("three", "id,score\na,9\n", 3));
  EXPECT_EQ(Found({"a"}), "three: {\"id\":\"a\",\"score\":9}");
  EXPECT_EQ(Fsck(), "");
}

TEST_F(TableRowsTest, OfAPartitionedTableAreThoseOfTheNewestDateThatHasTheKey) {
  for (const int day : {1, 3, 2}) {  // the second was delivered late
    Request request =
        Keyed("d" + std::to_string(day),
              "id,n\n7," + std::to_string(day) + "\n" + std::to_string(day) + ",0\n", day);
    request.write = Write::kPartition;
    Deliver(request);
  }
  EXPECT_EQ(Found({"7"}), "d3: {\"id\":7,\"n\":3,\"data_date\":\"2019-08-03\"}");
  EXPECT_EQ(Found({"007"}), "d3: {\"id\":7,\"n\":3,\"data_date\":\"2019-08-03\"}");
  EXPECT_EQ(Found({"1"}), "d1: {\"id\":1,\"n\":0,\"data_date\":\"2019-08-01\"}");
  EXPECT_EQ(Found({"7"}, "2019-08-02"), "d2: {\"id\":7,\"n\":2,\"data_date\":\"2019-08-02\"}");
  EXPECT_EQ(Found({"3"}, "2019-08-02"), "none");
  EXPECT_EQ(Found({"7"}, "2019-07-31"), "none");
  Request again = Keyed("d3-again", "id,n\n7,33\n", 3);
  again.write = Write::kPartition;
  Deliver(again);
  EXPECT_EQ(Found({"7"}), "d3-again: {\"id\":7,\"n\":33,\"data_date\":\"2019-08-03\"}");
  ASSERT_TRUE(warehouse_->Undo("d3-again"));
  EXPECT_EQ(Found({"7"}), "d3: {\"id\":7,\"n\":3,\"data_date\":\"2019-08-03\"}");
  EXPECT_EQ(Found({"x"}), "error: \"x\" is not a valid INT64 for \"id\"; one looks like 42");
}

TEST_F(TableRowsTest, OfATableThatIsAppendedToAreThoseOfTheNewestDelivery) {
  for (const int day : {1, 2}) {
    Request request = Keyed("d" + std::to_string(day),
                            "id,n\n" + std::string(day == 1 ? "a,1\nb,1\n" : "a,2\n"), day);
    request.write = Write::kAppend;
    Deliver(request);
  }
  EXPECT_EQ(Found({"a"}), "d2: {\"id\":\"a\",\"n\":2}");
  EXPECT_EQ(Found({"b"}), "d1: {\"id\":\"b\",\"n\":1}");
  EXPECT_EQ(Found({"a"}, "2019-08-01"), "d1: {\"id\":\"a\",\"n\":1}");
}

TEST_F(TableRowsTest, ThatAreTooOldAreNotAnswered) {
  for (const int day : {1, 2}) {
    Request request = Keyed("d" + std::to_string(day),
                            "id,n\n" + std::string(day == 1 ? "a,1\nb,1\n" : "a,2\n"), day);
    request.write = Write::kAppend;
    request.max_age = std::chrono::hours(36);
    Deliver(request);
  }
  const Instant fresh = At("2019-08-02T18:00:00Z"), later = At("2019-08-03T12:00:00Z"),
                late = At("2019-08-03T19:00:00.001Z");
  EXPECT_EQ(Found({"b"}, "", fresh), "d1: {\"id\":\"b\",\"n\":1}");
  EXPECT_EQ(Found({"b"}, "", later), "none");  // that row is, the table is not
  EXPECT_EQ(Found({"a"}, "", later), "d2: {\"id\":\"a\",\"n\":2}");
  EXPECT_EQ(Found({"a"}, "", late),
            "error: the newest rows of table game.predictions are 1d 12h old (of "
            "2019-08-02T07:00:00Z), and no older ones than 1d 12h are answered (max_age); "
            "as_of=DATE answers those of a day");
  EXPECT_EQ(Found({"b"}, "2019-08-02", late), "d1: {\"id\":\"b\",\"n\":1}");
}

TEST_F(TableRowsTest, HaveAValueOfEachType) {
  Request request = Keyed(
      "one",
      "k2,s,b,i,f,n,d,ti,dt,ts,j,by,k1\n"
      "2026-2-3,\"a\"\"b\\\",true,9007199254740993,0.1,1.50,2026-02-03,10:00,2026-02-03 10:00:00,"
      "2026-02-03T10:00:00.5+02:00,\"{\"\"a\"\": 1}\",AAE=,x\n"
      "2026-02-04,,,,,,,,,,,,x\n");
  request.schema = {{"k2", "DATE"},     {"s", "STRING"},     {"b", "BOOL"}, {"i", "INT64"},
                    {"f", "FLOAT64"},   {"n", "NUMERIC"},    {"d", "DATE"}, {"ti", "TIME"},
                    {"dt", "DATETIME"}, {"ts", "TIMESTAMP"}, {"j", "JSON"}, {"by", "BYTES"},
                    {"k1", "STRING"}};
  request.key = {"k1", "k2"};
  Deliver(request);
  EXPECT_EQ(Found({"x", "2026-02-03"}),
            "one: {\"k1\":\"x\",\"k2\":\"2026-02-03\",\"s\":\"a\\\"b\\\\\",\"b\":true,"
            "\"i\":9007199254740993,\"f\":0.1,\"n\":\"1.5\",\"d\":\"2026-02-03\","
            "\"ti\":\"10:00:00\",\"dt\":\"2026-02-03T10:00:00\",\"ts\":\"2026-02-03T08:00:00.5Z\","
            "\"j\":\"{\\\"a\\\": 1}\",\"by\":\"AAE=\"}");
  EXPECT_EQ(Found({"x", "2026-02-04"}),
            "one: {\"k1\":\"x\",\"k2\":\"2026-02-04\",\"s\":null,\"b\":null,\"i\":null,\"f\":null,"
            "\"n\":null,\"d\":null,\"ti\":null,\"dt\":null,\"ts\":null,\"j\":null,\"by\":null}");
}

TEST_F(TableRowsTest, NeedAKeyThatTellsThemApart) {
  Deliver(Keyed("one", "id,score\na,0.5\n"));
  const auto refused = [&](const std::string& csv, std::vector<std::string> key,
                           const std::string& why) {
    EXPECT_ERROR(warehouse_->Deliver(Keyed("two", csv, 2, std::move(key))), ErrorKind::kInvalid,
                 why);
    EXPECT_EQ(Found({"a"}), "one: {\"id\":\"a\",\"score\":0.5}");
    EXPECT_FALSE(fs::exists(RowsPath("two")));
  };
  refused("id,day\nx,1\na,1\ny,1\na,2\n", {"id"},
          "rows 2 and 4 have the same key, id = \"a\"; a key is of one row");
  refused("id,day\nx,1\n,1\n", {"id"}, "row 2 has no value in \"id\", a column of the key");
  refused("id,day\nx,1\n", {"idd"},
          "it has no column \"idd\", which key names; did you mean \"id\"?");
  refused("id,day\n0.5,1\n", {"id"}, "column \"id\" is FLOAT64, and a key is of STRING");
  refused("id,day\nx,1\n", {"id", "id"}, "key names \"id\" twice");
  Request partition = Keyed("two", "id\nx\n", 2, {"id", "data_date"});
  partition.write = Write::kPartition;
  EXPECT_ERROR(warehouse_->Deliver(partition), ErrorKind::kInvalid, "data_date cannot be a column");
  Deliver(Keyed("two", "id,day\nx,1\na,1\ny,1\na,2\n", 2, {"id", "day"}));
  EXPECT_EQ(Found({"a", "2"}), "two: {\"id\":\"a\",\"day\":2}");
  Deliver(Asking("three", "id\na\n", 3));
  EXPECT_NE(Found({"a"}).find("are not asked for by key; key = "), std::string::npos);
}

TEST_F(TableRowsTest, ThatAreLostOrDamagedAreToldAndMadeAnew) {
  Deliver(Keyed("one", "id,score\na,0.5\nb,1\n"));
  const fs::path path = RowsPath("one");
  const std::string whole = *io::ReadFile(path);
  EXPECT_EQ(Fsck(), "");
  EXPECT_EQ(Found({"a"}), "one: {\"id\":\"a\",\"score\":0.5}");
  const std::vector<std::function<void()>> damages = {
      [&] { fs::remove(path); },
      [&] { Overwrite(path, whole.find("0.5"), "0.7"); },
      [&] { Overwrite(path, whole.size() - 12, "xx"); },
      [&] {
        fs::remove(path);
        std::ofstream(path) << whole.substr(0, whole.size() - 1);
      },
  };
  for (const auto& damage : damages) {
    damage();
    TableReader fresh(place());
    const auto view = fresh.Look("game.predictions");
    ASSERT_TRUE(view);
    const auto found = (*view)->Find("\"a\",", "", At("2019-08-31T00:00:00Z"));
    EXPECT_ERROR(found, ErrorKind::kUnusable, "busker fsck makes it anew");
    EXPECT_NE(Fsck().find("it was made anew from its part"), std::string::npos);
    EXPECT_EQ(*io::ReadFile(path), whole);
    EXPECT_EQ(Fsck(), "");
  }
  reader_.emplace(place());
  EXPECT_EQ(Found({"a"}), "one: {\"id\":\"a\",\"score\":0.5}");
  // Who had it open when it was damaged finds out, and goes on once it was made anew.
  Overwrite(path, whole.find("0.5"), "0.7");
  EXPECT_EQ(Found({"b"}), "one: {\"id\":\"b\",\"score\":1}");
  EXPECT_NE(Found({"a"}).find("error: "), std::string::npos);
  EXPECT_NE(Fsck().find("it was made anew"), std::string::npos);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (Found({"a"}) != "one: {\"id\":\"a\",\"score\":0.5}" &&
         std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(Found({"a"}), "one: {\"id\":\"a\",\"score\":0.5}");
}

// Every answer is of one whole delivery, whatever is delivered and undone meanwhile.
TEST_F(TableRowsTest, AreNeverOfTwoDeliveries) {
  const auto csv = [](int value) {
    std::string text = "id,value\n";
    for (int row = 0; row < 50; ++row) {
      text += std::to_string(row) + "," + std::to_string(value) + "\n";
    }
    return text;
  };
  Deliver(Keyed("d0", csv(0)));
  std::atomic<bool> done{false};
  std::atomic<int> answers{0}, mixed{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      while (!done) {
        const auto view = reader_->Look("game.predictions");
        std::set<std::string> deliveries;
        std::set<std::string> values;
        for (int asked = 0; asked < 8; ++asked) {
          const std::string key = std::to_string(random() % 50);
          const auto found = view ? (*view)->Find(key + ",", "", Now()) : std::nullopt;
          const bool whole = found && *found;
          if (whole) deliveries.insert((*found)->part->delivery);
          if (whole) values.insert((*found)->json.substr((*found)->json.find("value")));
          if (!whole) deliveries.insert({"nothing", "at all"});
        }
        if (deliveries.size() != 1 || values.size() != 1) ++mixed;
        ++answers;
      }
    });
  }
  for (int i = 1; i <= 12; ++i) {
    const std::string id = "d" + std::to_string(i);
    Deliver(Keyed(id, csv(i), 1 + i));
    EXPECT_EQ(Found({"7"}), id + ": {\"id\":7,\"value\":" + std::to_string(i) + "}");
    if (i % 3 != 0) continue;
    ASSERT_TRUE(warehouse_->Undo(id));
    EXPECT_EQ(Found({"7"}),
              "d" + std::to_string(i - 1) + ": {\"id\":7,\"value\":" + std::to_string(i - 1) + "}");
    Deliver(Keyed(id + "-again", csv(i), 1 + i));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(mixed, 0);
  EXPECT_GT(answers, 100);
}

}  // namespace
}  // namespace busker::deliver
