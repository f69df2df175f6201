#include "attempt/order.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace busker::attempt {
namespace {

Order AnOrder() {
  Order order;
  order.run = "20190801-070000-k3f9x2";
  order.task = "training";
  order.command = {"build/prediction", "--name", "caf\xE9"};
  order.environment = {"PATH=/bin", "BYTES=\xFF\xFE", "EMPTY="};
  order.secrets = {{"KEY", "api-key", true}, {"PASSWORD_FILE", "password", false}};
  order.root = "/srv/churn";
  order.config = "configs/training.json";
  order.placeholders = {{"NAME", "churn"}, {"BYTES", "\xFF"}};
  order.store_url = "file:///srv/artifacts";
  order.input = "churn/1/training/20190701T000000Z";
  order.output = "churn/1/training/20190801T000000Z";
  order.required_outputs = {"model.ubj"};
  order.timeout = Milliseconds(7'200'000);
  order.grace = Milliseconds(500);
  order.log_head_bytes_max = 1;
  order.log_tail_bytes_max = 2;
  order.scheduled_at = ParseRfc3339("2019-08-01T00:00:00.250Z").value();
  order.data_date = "2019-08-01";
  return order;
}

std::string FaultAfter(const std::string& from, const std::string& to) {
  std::string json = OrderToJson(AnOrder());
  const auto at = json.find(from);
  if (at == std::string::npos) return "there is no " + from;
  const auto order = OrderFromJson(json.replace(at, from.size(), to));
  return order ? "none" : order.error().message;
}

TEST(Order, IsReadBackAsItWasWritten) {
  const std::string json = OrderToJson(AnOrder());
  const auto order = OrderFromJson(json);
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->command, AnOrder().command);
  EXPECT_EQ(order->environment, AnOrder().environment);
  EXPECT_EQ(order->placeholders, AnOrder().placeholders);
  EXPECT_EQ(order->timeout, AnOrder().timeout);
  EXPECT_EQ(order->scheduled_at, AnOrder().scheduled_at);
  EXPECT_EQ(OrderToJson(*order), json);
}

TEST(Order, WhatItLeavesOutStaysOut) {
  Order order;
  order.command = {"true"};
  const auto read = OrderFromJson(OrderToJson(order));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->timeout || read->input || read->output);
}

TEST(Order, ThatWouldBeMisunderstoodIsRefused) {
  EXPECT_EQ(FaultAfter("\"run\"", "\"sandbox\": true, \"run\""),
            "attempt.json: unknown key \"sandbox\"");
  EXPECT_EQ(FaultAfter("\"format\": 2", "\"format\": 3"),
            "attempt.json: format 3 is of a newer Busker; this one knows 2");
  EXPECT_EQ(FaultAfter("\"/srv/churn\"", "\"srv\""), "attempt.json: \"root\" is not absolute");
  EXPECT_EQ(FaultAfter("\"grace_ms\": 500", "\"grace_ms\": -5"),
            "attempt.json: \"grace_ms\" is not a whole number of at least 0");
  EXPECT_EQ(FaultAfter("\"grace_ms\": 500", "\"grace_ms\": 1.5"),
            "attempt.json: \"grace_ms\" is not a whole number of at least 0");
  EXPECT_EQ(FaultAfter("\"log_tail_bytes_max\": 2", "\"log_tail_bytes_max\": 1"),
            "attempt.json: \"log_tail_bytes_max\" is below 2");
  EXPECT_NE(FaultAfter("configs/training.json", "../training.json"), "none");
  EXPECT_NE(FaultAfter("\"model.ubj\"", "\"../model.ubj\""), "none");
  EXPECT_NE(FaultAfter("\"build/prediction\"", "\"\""), "none");
  EXPECT_NE(FaultAfter("\"build/prediction\"", "\"a\\u0000b\""), "none");
  EXPECT_NE(FaultAfter("file:///srv/artifacts", ""), "none");
  EXPECT_NE(FaultAfter("\"output\": \"churn/1/training/20190801T000000Z\"", "\"output\": null"),
            "none");
  EXPECT_FALSE(OrderFromJson(""));
  EXPECT_FALSE(OrderFromJson("[]"));
}

bool Has(const Order& order, const std::string& entry) {
  return std::find(order.environment.begin(), order.environment.end(), entry) !=
         order.environment.end();
}

TEST(SealedOrder, IsOpenedWithWhatTheEnvelopeSays) {
  const auto order =
      Open(Seal({3, "home1", "boot1", {"/srv/caf\xE9", {"/old"}}}, OrderToJson(AnOrder())));
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->number, 3);
  EXPECT_EQ(order->boot, "boot1");
  EXPECT_EQ(order->home.now, "/srv/caf\xE9");
  EXPECT_EQ(order->home.before, std::vector<std::string>{"/old"});
  EXPECT_EQ(order->mark, "BUSKER_MARK=home1/20190801-070000-k3f9x2/training.3");
  EXPECT_TRUE(Has(*order, order->mark));
  EXPECT_TRUE(Has(*order, "BUSKER_ATTEMPT=20190801-070000-k3f9x2/training.3"));
  EXPECT_FALSE(Has(*order, "BUSKER_HOME=/srv/caf\xE9")) << "that is for Busker's own steps";
  EXPECT_EQ(OrderToJson(*order), OrderToJson([&] {
              Order same = AnOrder();
              same.environment = order->environment;
              return same;
            }()));
}

TEST(SealedOrder, OfABuskersOwnStepKnowsTheHome) {
  Order step = AnOrder();
  step.repeatable = true;
  const auto order = Open(Seal({1, "", "", {"/home/of/busker", {}}}, OrderToJson(step)));
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_TRUE(Has(*order, "BUSKER_HOME=/home/of/busker"));
  EXPECT_EQ(order->mark, "BUSKER_ATTEMPT=20190801-070000-k3f9x2/training.1");
}

// A machine elsewhere has another boot than the one that sealed the order, and an attempt of an
// earlier boot that is not synced would count as lost.
TEST(SealedOrder, IsSealedInAnotherBootAndElseAsItWas) {
  const std::string sealed =
      Seal({4, "0123456789abcdef", "boot-1", {"/srv/home"}}, OrderToJson(AnOrder()));
  const auto text = SealInBoot(sealed, "boot-2");
  ASSERT_TRUE(text) << text.error().message;
  const auto before = Open(sealed), after = Open(*text);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->boot, "boot-2");
  EXPECT_EQ(after->mark, before->mark);
  EXPECT_EQ(after->environment, before->environment);
  EXPECT_EQ(OrderToJson(*after), OrderToJson(*before));
  EXPECT_EQ(SealInBoot(OrderToJson(AnOrder()), "boot-2").error().message,
            "attempt.json: the order has no envelope");
}

TEST(SealedOrder, ThatWouldBeMisunderstoodIsRefused) {
  const std::string order = OrderToJson(AnOrder());
  EXPECT_EQ(Open(Seal({0, "", "", {}}, order)).error().message,
            "attempt.json: \"attempt\" is below 1");
  EXPECT_FALSE(Open(Seal({1, "", "", {}}, "{}")));
  EXPECT_FALSE(Open(Seal({1, "", "", {}}, "")));
  std::string sealed = Seal({1, "", "", {}}, order);
  EXPECT_EQ(Open(sealed.insert(1, "\"sandbox\": true, ")).error().message,
            "attempt.json: unknown key \"sandbox\"");
}

// What an earlier version of Busker had handed over could not be settled after an update.
TEST(SealedOrder, OfTheFirstFormatHadNoEnvelope) {
  std::string flat = OrderToJson(AnOrder());
  const std::string format = "\"format\": 2,";
  flat.replace(flat.find(format), format.size(),
               "\"attempt\": 4, \"mark\": \"BUSKER_ATTEMPT=r/t.4\", \"boot\": \"boot1\",");
  const auto order = Open(flat);
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->number, 4);
  EXPECT_EQ(order->mark, "BUSKER_ATTEMPT=r/t.4");
  EXPECT_EQ(order->boot, "boot1");
  EXPECT_EQ(order->environment, AnOrder().environment);
  EXPECT_EQ(order->store_url, AnOrder().store_url);
  const auto recorded = Open(Seal({2, "home1", "boot2", {}}, flat));
  ASSERT_TRUE(recorded) << "one that is on record: " << recorded.error().message;
  EXPECT_EQ(recorded->number, 2);
  EXPECT_EQ(recorded->boot, "boot2");
}

}  // namespace
}  // namespace busker::attempt
