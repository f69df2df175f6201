#include "runner/attempt_file.h"

#include <gtest/gtest.h>

namespace busker::runner {
namespace {

AttemptOrder AnOrder() {
  AttemptOrder order;
  order.run = "20190801-070000-k3f9x2";
  order.task = "training";
  order.number = 2;
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

TEST(AttemptFile, AnOrderIsReadBackAsItWasWritten) {
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

TEST(AttemptFile, WhatAnOrderLeavesOutStaysOut) {
  AttemptOrder order;
  order.command = {"true"};
  const auto read = OrderFromJson(OrderToJson(order));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->timeout || read->input || read->output);
}

TEST(AttemptFile, AnOrderThatWouldBeMisunderstoodIsRefused) {
  EXPECT_EQ(FaultAfter("\"run\"", "\"sandbox\": true, \"run\""),
            "attempt.json: unknown key \"sandbox\"");
  EXPECT_EQ(FaultAfter("\"attempt\": 2", "\"attempt\": 0"), "attempt.json: \"attempt\" is below 1");
  EXPECT_EQ(FaultAfter("\"/srv/churn\"", "\"srv\""), "attempt.json: \"root\" is not absolute");
  EXPECT_EQ(FaultAfter("\"grace_ms\": 500", "\"grace_ms\": -5"),
            "attempt.json: \"grace_ms\" is no whole number of at least 0");
  EXPECT_EQ(FaultAfter("\"grace_ms\": 500", "\"grace_ms\": 1.5"),
            "attempt.json: \"grace_ms\" is no whole number of at least 0");
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

TEST(AttemptFile, AnExitRecordIsReadBackAsItWasWritten) {
  ExitRecord record;
  record.run = "r";
  record.task = "t";
  record.number = 3;
  record.ending = Ending::kOutOfMemory;
  record.message = "the kernel killed it";
  record.exit_code = 137;
  record.signal = 9;
  record.cpu_user = Milliseconds(1234);
  record.cpu_system = Milliseconds(56);
  record.memory_peak_bytes = 1ULL << 40;
  record.started_at = Instant(Milliseconds(1));
  record.ended_at = Instant(Milliseconds(2000));
  record.log_bytes = 10;
  record.log_bytes_cut = 5;
  record.output = "a/1/b/20190801T000000Z";
  record.output_files = 2;
  record.output_bytes = 99;
  const std::string json = ExitToJson(record);
  const auto read = ExitFromJson(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(ExitToJson(*read), json);
  EXPECT_EQ(read->ending, Ending::kOutOfMemory);
  EXPECT_EQ(read->command_started_at, Instant{});
}

TEST(AttemptFile, EveryEndingHasItsName) {
  const std::pair<Ending, std::string_view> names[] = {
      {Ending::kSucceeded, "succeeded"},    {Ending::kExited, "exited"},
      {Ending::kSignalled, "signalled"},    {Ending::kTimedOut, "timed-out"},
      {Ending::kCancelled, "cancelled"},    {Ending::kOutOfMemory, "out-of-memory"},
      {Ending::kNotStarted, "not-started"}, {Ending::kNotSaved, "not-saved"}};
  for (const auto& [ending, name] : names) {
    EXPECT_EQ(NameOf(ending), name);
    ExitRecord record;
    record.ending = ending;
    EXPECT_EQ(ExitFromJson(ExitToJson(record))->ending, ending);
  }
}

TEST(AttemptFile, AnExitRecordOfANewerBuskerIsReadAsFarAsItIsKnown) {
  std::string json = ExitToJson(ExitRecord{});
  EXPECT_TRUE(ExitFromJson(json.insert(1, "\"energy_joules\": 5,")));
  json = ExitToJson(ExitRecord{});
  json.replace(json.find("succeeded"), 9, "evaporated");
  EXPECT_EQ(ExitFromJson(json).error().message, "exit.json: unknown ending \"evaporated\"");
}

}  // namespace
}  // namespace busker::runner
