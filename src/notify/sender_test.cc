#include "notify/sender.h"

#include <gtest/gtest.h>

#include <atomic>

#include "io/test_server.h"
#include "notify/retry.h"
#include "notify/test_notice.h"

namespace busker::notify {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// An outbox in memory, with a clock that stands until it is moved.
class Box {
 public:
  struct Entry {
    Pending pending;
    Instant due;
    bool delivered = false, given_up = false;
    int told_delivered = 0;
    std::vector<std::string> messages = {};
  };

  void Add(std::int64_t id, Channel channel, const std::string& key = "") {
    const std::lock_guard lock(mutex_);
    Pending pending{id, TestNotice(key.empty() ? "key-" + std::to_string(id) : key),
                    std::move(channel), 0};
    entries_[id] = {pending, Instant{}};
  }

  Outbox AsOutbox() {
    Outbox outbox;
    outbox.take = [this](Instant now) -> Result<std::vector<Pending>> {
      if (broken_) return Temporary("the disk is full");
      const std::lock_guard lock(mutex_);
      std::vector<Pending> due;
      for (const auto& [id, entry] : entries_) {
        if (!entry.delivered && !entry.given_up && entry.due <= now) due.push_back(entry.pending);
      }
      return due;
    };
    outbox.delivered = [this](std::int64_t id) -> Result<void> {
      if (broken_) return Temporary("the disk is full");
      const std::lock_guard lock(mutex_);
      entries_[id].delivered = true;
      ++entries_[id].told_delivered;
      changed_.notify_all();
      return {};
    };
    outbox.failed = [this](std::int64_t id, std::optional<Instant> next,
                           const std::string& message) -> Result<void> {
      if (broken_) return Temporary("the disk is full");
      const std::lock_guard lock(mutex_);
      Entry& entry = entries_[id];
      ++entry.pending.tries;
      entry.given_up = !next.has_value();
      if (next) entry.due = *next;
      entry.messages.push_back(message);
      changed_.notify_all();
      return {};
    };
    outbox.trouble = [this](const Error&) { troubles_.Add(1); };
    return outbox;
  }

  SenderSettings Settings() {
    SenderSettings settings;
    settings.deliver = TestOptions();
    settings.clock = [this] { return Instant(Milliseconds(clock_)); };
    settings.trouble_wait = 20ms;
    return settings;
  }

  void MoveClock(Milliseconds by) { clock_ += by.count(); }
  void Break(bool broken) { broken_ = broken; }
  io::TestJournal<int>& troubles() { return troubles_; }

  Entry Of(std::int64_t id) {
    const std::lock_guard lock(mutex_);
    return entries_[id];
  }
  bool WaitUntil(const std::function<bool(std::map<std::int64_t, Entry>&)>& holds,
                 Milliseconds limit = 20s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return holds(entries_); });
  }
  bool WaitForDelivery(std::int64_t id, Milliseconds limit = 20s) {
    return WaitUntil([&](auto& entries) { return entries[id].delivered; }, limit);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, Entry> entries_;
  std::atomic<std::int64_t> clock_ = TestNotice().at.time_since_epoch().count();
  std::atomic<bool> broken_ = false;
  io::TestJournal<int> troubles_;
};

TEST(Sender, DeliversWhatIsDueOnceAndWhatComesAfterAWake) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  Box box;
  box.Add(1, Webhook{server.Url("/1"), ""});
  Sender sender(box.AsOutbox(), box.Settings());
  ASSERT_TRUE(box.WaitForDelivery(1));
  box.Add(2, Webhook{server.Url("/2"), ""});
  sender.Wake();
  ASSERT_TRUE(box.WaitForDelivery(2));
  EXPECT_EQ(server.requests().All().size(), 2U);
  EXPECT_EQ(box.Of(1).told_delivered, 1);
}

TEST(Sender, TriesAgainAfterAFailureWithTheSameKey) {
  std::atomic<int> calls = 0;
  io::TestHttpServer server([&](const io::TestHttpRequest&) {
    return io::TestAnswer(++calls == 1 ? "500 Oops" : "200 OK");
  });
  Box box;
  box.Add(1, Webhook{server.Url(), ""});
  Sender sender(box.AsOutbox(), box.Settings());
  ASSERT_TRUE(box.WaitUntil([](auto& entries) { return entries[1].pending.tries == 1; }));
  EXPECT_EQ(box.Of(1).due, TestNotice().at + RetryAfter(1, "key-1"));
  sender.Wake();  // not before its time
  box.MoveClock(4s);
  sender.Wake();
  EXPECT_FALSE(box.WaitForDelivery(1, 200ms));
  box.MoveClock(1s);
  sender.Wake();
  ASSERT_TRUE(box.WaitForDelivery(1));
  const auto seen = server.requests().All();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].headers.at("idempotency-key"), seen[1].headers.at("idempotency-key"));
}

// Were the tries counted from nought, the second wait would be no longer than the first.
TEST(Sender, WaitsLongerAfterEachFailure) {
  io::TestHttpServer server(io::TestAnswer("500 Oops"));
  Box box;
  box.Add(1, Webhook{server.Url(), ""});
  Sender sender(box.AsOutbox(), box.Settings());
  Instant now = TestNotice().at;
  for (int tries = 1; tries <= 4; ++tries) {
    ASSERT_TRUE(box.WaitUntil([&](auto& entries) { return entries[1].pending.tries == tries; }));
    const Milliseconds wait = box.Of(1).due - now;
    EXPECT_EQ(wait, RetryAfter(tries, "key-1")) << tries;
    now += wait;
    box.MoveClock(wait);
    sender.Wake();
  }
}

TEST(Sender, WakesByItselfWhenATryIsDue) {
  std::atomic<int> calls = 0;
  io::TestHttpServer server([&](const io::TestHttpRequest&) {
    return io::TestAnswer(++calls == 1 ? "500 Oops" : "200 OK");
  });
  Box box;
  box.Add(1, Webhook{server.Url(), ""});
  SenderSettings settings = box.Settings();
  const auto begin = Clock::now();
  settings.clock = [begin] {  // thirty times as fast
    return TestNotice().at + 30 * std::chrono::duration_cast<Milliseconds>(Clock::now() - begin);
  };
  // It sleeps by a clock that runs as any does, so this one is asked for more often.
  settings.look_again = 100ms;
  Sender sender(box.AsOutbox(), settings);
  EXPECT_TRUE(box.WaitForDelivery(1, 10s));
}

TEST(Sender, GivesUpWhatIsGoneAndWhatIsThreeDaysOld) {
  io::TestHttpServer gone(io::TestAnswer("410 Gone"));
  io::TestHttpServer broken(io::TestAnswer("500 Oops"));
  Box box;
  box.Add(1, Webhook{gone.Url(), ""});
  Sender sender(box.AsOutbox(), box.Settings());
  ASSERT_TRUE(box.WaitUntil([](auto& entries) { return entries[1].given_up; }));
  box.MoveClock(kGiveUpAfter);
  box.Add(2, Webhook{broken.Url(), ""});
  sender.Wake();
  ASSERT_TRUE(box.WaitUntil([](auto& entries) { return entries[2].given_up; }));
  EXPECT_EQ(broken.requests().All().size(), 1U);  // it was tried
}

TEST(Sender, AReceiverThatHangsDelaysNoOther) {
  io::TestHttpServer hanging("hang");
  io::TestHttpServer good(io::TestAnswer("200 OK"));
  Box box;
  for (int id = 1; id <= 50; ++id) box.Add(id, Webhook{hanging.Url(), ""});
  for (int id = 51; id <= 60; ++id) {
    box.Add(id, Webhook{good.Url("/" + std::to_string(id)), ""});
  }
  const auto begin = Clock::now();
  Sender sender(box.AsOutbox(), box.Settings());  // the hanging one takes 10 s
  for (int id = 51; id <= 60; ++id) ASSERT_TRUE(box.WaitForDelivery(id));
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_EQ(hanging.requests().All().size(), 1U);  // one at a time
}

TEST(Sender, WhatWaitsForAReceiverThatTimedOutIsPutOffWithIt) {
  io::TestHttpServer hanging("hang");
  Box box;
  for (int id = 1; id <= 50; ++id) box.Add(id, Webhook{hanging.Url(), ""});
  SenderSettings settings = box.Settings();
  settings.deliver.exchange_limit = 200ms;
  Sender sender(box.AsOutbox(), settings);
  ASSERT_TRUE(box.WaitUntil([](auto& entries) {
    return std::all_of(entries.begin(), entries.end(),
                       [](auto& one) { return one.second.pending.tries == 1; });
  }));
  EXPECT_EQ(hanging.requests().All().size(), 1U);
  EXPECT_NE(box.Of(50).messages.at(0).find("put off"), std::string::npos);
}

// Four receivers hang, as many as there are workers: a fifth waits for a limit, not for ever.
TEST(Sender, AsManyHangingReceiversAsWorkersHoldUpOthersForOneLimit) {
  io::TestHttpServer hanging("hang");
  io::TestHttpServer good(io::TestAnswer("200 OK"));
  Box box;
  for (int id = 1; id <= 40; ++id) {
    box.Add(id, Webhook{hanging.Url("/" + std::to_string(id % 4)), ""});
  }
  box.Add(41, Webhook{good.Url(), ""});
  SenderSettings settings = box.Settings();
  settings.deliver.exchange_limit = 500ms;
  const auto begin = Clock::now();
  Sender sender(box.AsOutbox(), settings);
  ASSERT_TRUE(box.WaitForDelivery(41));
  EXPECT_LT(Clock::now() - begin, 3s);
}

TEST(Sender, ADeliveryThatCouldNotBeWrittenDownIsWrittenDownLaterAndNotRepeated) {
  std::atomic<Box*> to_break = nullptr;
  io::TestHttpServer server([&](const io::TestHttpRequest&) {
    to_break.load()->Break(true);
    return io::TestAnswer("200 OK");
  });
  Box box;
  to_break = &box;
  box.Add(1, Webhook{server.Url(), ""});
  Sender sender(box.AsOutbox(), box.Settings());
  ASSERT_TRUE(box.troubles().WaitFor(3));
  EXPECT_FALSE(box.Of(1).delivered);
  box.Break(false);
  ASSERT_TRUE(box.WaitForDelivery(1));
  EXPECT_EQ(box.Of(1).told_delivered, 1);
  EXPECT_EQ(server.requests().All().size(), 1U);
}

TEST(Sender, StopsAtOnceAndLeavesWhatItWasDelivering) {
  io::TestHttpServer hanging("hang");
  Box box;
  box.Add(1, Webhook{hanging.Url(), ""});
  box.Add(2, CommandChannel{{"sleep", "60"}, {}});
  auto sender = std::make_unique<Sender>(box.AsOutbox(), box.Settings());
  ASSERT_TRUE(hanging.requests().WaitFor(1));
  const auto begin = Clock::now();
  sender.reset();
  EXPECT_LT(Clock::now() - begin, 5s);
  EXPECT_EQ(box.Of(1).pending.tries, 0);
  EXPECT_EQ(box.Of(2).pending.tries, 0);
  EXPECT_FALSE(box.Of(1).delivered);
}

TEST(Sender, AfterARestartDeliversWhatWasLeftWithTheSameKey) {
  std::atomic<int> calls = 0;
  io::TestHttpServer server([&](const io::TestHttpRequest&) {
    return ++calls == 1 ? std::string("hang") : io::TestAnswer("200 OK");
  });
  Box box;
  box.Add(1, Webhook{server.Url(), ""});
  {
    Sender sender(box.AsOutbox(), box.Settings());
    ASSERT_TRUE(server.requests().WaitFor(1));
  }
  Sender sender(box.AsOutbox(), box.Settings());
  ASSERT_TRUE(box.WaitForDelivery(1));
  const auto seen = server.requests().All();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].headers.at("webhook-id"), seen[1].headers.at("webhook-id"));
}

TEST(Sender, ManyNoticesForManyReceiversAreEachDeliveredOnce) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  Box box;
  constexpr int kCount = 300;
  for (int id = 1; id <= kCount; ++id) {
    box.Add(id, Webhook{server.Url("/" + std::to_string(id % 7)), ""});
  }
  Sender sender(box.AsOutbox(), box.Settings());
  ASSERT_TRUE(box.WaitUntil([](auto& entries) {
    return std::all_of(entries.begin(), entries.end(),
                       [](auto& one) { return one.second.delivered; });
  }));
  EXPECT_EQ(server.requests().All().size(), static_cast<std::size_t>(kCount));
  for (int id = 1; id <= kCount; ++id) EXPECT_EQ(box.Of(id).told_delivered, 1);
}

}  // namespace
}  // namespace busker::notify
