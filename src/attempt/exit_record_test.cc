#include "attempt/exit_record.h"

#include <gtest/gtest.h>

namespace busker::attempt {
namespace {

TEST(ExitRecord, IsReadBackAsItWasWritten) {
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
  record.boot = Milliseconds(23'000);
  record.pull = Milliseconds(0);
  record.machine = Milliseconds(312'000);
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
  EXPECT_EQ(read->boot, Milliseconds(23'000));
  EXPECT_EQ(read->pull, Milliseconds(0));
  EXPECT_EQ(read->machine, Milliseconds(312'000));
}

TEST(ExitRecord, EveryEndingHasItsName) {
  const std::pair<Ending, std::string_view> names[] = {{Ending::kSucceeded, "succeeded"},
                                                       {Ending::kExited, "exited"},
                                                       {Ending::kSignalled, "signalled"},
                                                       {Ending::kTimedOut, "timed-out"},
                                                       {Ending::kCancelled, "cancelled"},
                                                       {Ending::kOutOfMemory, "out-of-memory"},
                                                       {Ending::kNotStarted, "not-started"},
                                                       {Ending::kNotSaved, "not-saved"},
                                                       {Ending::kLost, "lost"},
                                                       {Ending::kPreempted, "preempted"}};
  for (const auto& [ending, name] : names) {
    EXPECT_EQ(NameOf(ending), name);
    ExitRecord record;
    record.ending = ending;
    EXPECT_EQ(ExitFromJson(ExitToJson(record))->ending, ending);
  }
}

TEST(ExitRecord, OfANewerBuskerIsReadAsFarAsItIsKnown) {
  std::string json = ExitToJson(ExitRecord{});
  EXPECT_TRUE(ExitFromJson(json.insert(1, "\"energy_joules\": 5,")));
  json = ExitToJson(ExitRecord{});
  json.replace(json.find("succeeded"), 9, "evaporated");
  EXPECT_EQ(ExitFromJson(json).error().message, "exit.json: unknown ending \"evaporated\"");
}

}  // namespace
}  // namespace busker::attempt
