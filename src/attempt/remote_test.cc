#include "attempt/remote.h"

#include <gtest/gtest.h>

#include "artifact/key.h"

namespace busker::attempt {
namespace {

TEST(RemoteName, IsReadAsItIsWritten) {
  const RemoteName name{"0123456789abcdef", {"20190801-070000-k3f9x2", "train.all", 12}};
  EXPECT_EQ(name.Text(), "0123456789abcdef/20190801-070000-k3f9x2/train.all.12");
  const auto read = ParseRemoteName(name.Text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->home, name.home);
  EXPECT_EQ(read->attempt, name.attempt);
}

TEST(RemoteName, OfAnotherShapeIsNone) {
  for (const char* text : {"", "h", "h/r", "h/r/t", "h/r.1/t", "/r/t.1", "h//t.1", "h/r/.1",
                           "h/r/t.", "h/r/t.0", "h/r/t.-1", "h/r/t.1x", "h/r/t/u.1"}) {
    EXPECT_FALSE(ParseRemoteName(text)) << text;
  }
}

TEST(RemoteKeys, AreBelowOnePrefixAndAStoreTakesThem) {
  const RemoteKeys keys({"h", {"r", "t", 2}});
  EXPECT_EQ(keys.prefix, "_busker/h/r/t.2");
  EXPECT_EQ(keys.order, "_busker/h/r/t.2/order.json");
  EXPECT_EQ(keys.start, "_busker/h/r/t.2/started.json");
  EXPECT_EQ(keys.secrets, "_busker/h/r/t.2/secrets");
  EXPECT_EQ(keys.exit, "_busker/h/r/t.2/exit.json");
  EXPECT_EQ(keys.LogPart(0), "_busker/h/r/t.2/log/000000");
  EXPECT_LT(keys.LogPart(9), keys.LogPart(10));
  EXPECT_TRUE(artifact::CheckKey(keys.LogPart(1)));
}

TEST(RemoteStart, IsReadAsItIsWritten) {
  RemoteStart start;
  start.by = RemoteStart::kByMachine;
  start.vm_id = "18446744073709551615";  // more than a double holds
  start.boot = "b0b2ff10-0b12-4a86-b3b4-a4ba57e5f1fd";
  start.zone = "europe-west1-b";
  start.vm = "busker-r-t-1-aaaa";
  start.order_sha256 = std::string(64, 'a');
  start.public_key = std::string(64, 'b');
  start.started_at = Instant(Milliseconds(1'567'000'000'123));
  const auto read = StartFromJson(StartToJson(start));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(StartToJson(*read), StartToJson(start));
  EXPECT_EQ(read->vm_id, start.vm_id);
  EXPECT_EQ(read->started_at, start.started_at);
}

TEST(RemoteStart, OfSomebodyElseIsRefused) {
  RemoteStart start;
  start.by = "cron";
  const auto read = StartFromJson(StartToJson(start));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "started.json: \"by\" is \"cron\"; it is \"vm\" or \"busker\"");
  EXPECT_FALSE(StartFromJson("{}"));
  EXPECT_FALSE(StartFromJson(""));
}

TEST(Remote, AMachineLivesNoLongerThanItsAttemptNeeds) {
  EXPECT_EQ(MachineLifeMax(std::chrono::hours(2)), std::chrono::minutes(120 + 30 + 10));
  EXPECT_EQ(MachineLifeMax(std::nullopt), std::chrono::hours(24) + std::chrono::minutes(40));
}

}  // namespace
}  // namespace busker::attempt
