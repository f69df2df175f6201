#include "daemon/outbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <set>
#include <thread>

#include "io/test_folder.h"

namespace busker::daemon {
namespace {

using State = record::NoticeOutcome::State;

plan::NotifyPeople Failure(const std::string& run = "r1") {
  return {plan::NotifyPeople::Kind::kFailed, "shop/training", run, "2019-08-01", "exit code 1"};
}

// Keeps what an outbox tells the record.
class Heard {
 public:
  void Add(record::NoticeOutcome outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(std::move(outcome));
    came_.notify_all();
  }
  std::vector<record::NoticeOutcome> Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, std::chrono::seconds(20), [&] { return outcomes_.size() >= count; });
    return outcomes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<record::NoticeOutcome> outcomes_;
};

class OutboxTest : public testing::Test {
 protected:
  service::Notify ByCommand(const std::string& script) {
    service::Notify notify;
    notify.command = {"/bin/sh", "-c", script};
    return notify;
  }
  std::unique_ptr<Outbox> Make() {
    return std::make_unique<Outbox>(
        std::nullopt, [this](record::NoticeOutcome outcome) { heard_.Add(std::move(outcome)); },
        [](const std::string&) {});
  }

  io::TestFolder folder_;
  Heard heard_;
};

TEST_F(OutboxTest, RunsACommandWithTheNoticeAndSaysSo) {
  const std::string file = (folder_ / "told").string();
  const auto notices = Outbox::NoticesOf(Failure(), Now(), {ByCommand("cat > " + file)});
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].service, "shop");
  EXPECT_EQ(notices[0].action, "training");
  auto outbox = Make();
  outbox->Send(notices);
  const auto outcomes = heard_.Await(1);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].state, State::kDelivered) << outcomes[0].message;
  EXPECT_EQ(outcomes[0].key, notices[0].key);
  const std::string told = folder_.Read("told");
  EXPECT_NE(told.find("exit code 1"), std::string::npos) << told;
  EXPECT_NE(told.find("busker logs r1"), std::string::npos) << told;
}

TEST_F(OutboxTest, TriesAgainLaterWhatFails) {
  auto outbox = Make();
  const Instant before = Now();
  outbox->Send(Outbox::NoticesOf(Failure(), before, {ByCommand("exit 3")}));
  const auto outcomes = heard_.Await(1);
  ASSERT_GE(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].state, State::kTryAgain);
  EXPECT_GT(outcomes[0].next_try, before);
  EXPECT_NE(outcomes[0].message, "");
}

// A clock that was a year ahead for a moment put a notice off for a year.
TEST_F(OutboxTest, PutsOffNoNoticeForLongerThanAWait) {
  const std::string file = (folder_ / "told").string();
  auto waits = Outbox::NoticesOf(Failure("r1"), Now(), {ByCommand("echo r1 >> " + file)});
  auto ahead = Outbox::NoticesOf(Failure("r2"), Now(), {ByCommand("echo r2 >> " + file)});
  waits[0].tries = ahead[0].tries = 8;  // after which it waits for ten minutes
  waits[0].next_try = Now() + std::chrono::minutes(5);
  ahead[0].next_try = Now() + std::chrono::hours(24 * 365);
  auto outbox = Make();
  outbox->Send({waits[0], ahead[0]});
  const auto outcomes = heard_.Await(1);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].key, ahead[0].key);
  EXPECT_EQ(outcomes[0].state, State::kDelivered) << outcomes[0].message;
  EXPECT_EQ(folder_.Read("told"), "r2\n");
  EXPECT_EQ(outbox->ListUndelivered().size(), 1U) << "the other waits";
}

// A notice was given up for a password file that was being replaced.
TEST_F(OutboxTest, TriesAgainLaterWhatLacksItsSecret) {
  service::Notify notify;
  notify.webhook = "http://127.0.0.1:1/";
  notify.webhook_secret_file = (folder_ / "secret").string();
  auto outbox = Make();
  outbox->Send(Outbox::NoticesOf(Failure(), Now(), {notify}));
  const auto outcomes = heard_.Await(1);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].state, State::kTryAgain);
}

// The record's mailbox was full, the sender waited for it with the outbox in hand, and the
// conductor, who would have emptied it, waited for the outbox.
TEST_F(OutboxTest, TakesMoreWhileTheRecordKeepsItWaiting) {
  std::promise<void> go_on;
  std::atomic<bool> waits = false;
  Outbox outbox(
      std::nullopt,
      [&, open = go_on.get_future().share()](record::NoticeOutcome outcome) {
        waits = true;
        open.wait_for(std::chrono::seconds(20));
        heard_.Add(std::move(outcome));
      },
      [](const std::string&) {});
  outbox.Send(Outbox::NoticesOf(Failure("r1"), Now(), {ByCommand("true")}));
  while (!waits) std::this_thread::yield();
  const auto begun = std::chrono::steady_clock::now();
  outbox.Send(Outbox::NoticesOf(Failure("r2"), Now(), {ByCommand("true")}));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  go_on.set_value();
  EXPECT_EQ(heard_.Await(2).size(), 2U);
}

// What is told to the record is noted a moment later.
bool Becomes(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// A webhook that never worked left no trace in the log, and none in busker status.
TEST_F(OutboxTest, TellsOfWhatCouldNotBeDeliveredASecondTime) {
  std::mutex mutex;
  std::vector<std::string> said;
  const auto say = [&](const std::string& sentence) {
    const std::lock_guard lock(mutex);
    said.push_back(sentence);
  };
  Outbox outbox(
      std::nullopt, [&](record::NoticeOutcome outcome) { heard_.Add(std::move(outcome)); }, say);
  service::Notify notify;
  notify.webhook = "http://user:password@127.0.0.1:1/hooks/secret?token=1";
  auto notices = Outbox::NoticesOf(Failure("r1"), Now(), {notify, ByCommand("exit 3")});
  const auto more = Outbox::NoticesOf(Failure("r2"), Now(), {notify});
  notices.push_back(more.front());
  ASSERT_EQ(notices.size(), 3U);
  outbox.Send({notices[0]});
  heard_.Await(1);
  EXPECT_TRUE(outbox.ListUndelivered().empty());  // it may have been a hiccup
  for (auto& notice : notices) notice.tries = 1;
  outbox.Send({notices[1], notices[2]});
  ASSERT_TRUE(Becomes([&] { return outbox.ListUndelivered().size() == 2; }));
  const auto undelivered = outbox.ListUndelivered();
  ASSERT_EQ(undelivered.size(), 2U);
  EXPECT_EQ(undelivered[0].to, "http://127.0.0.1:1");
  EXPECT_NE(undelivered[0].why, "");
  EXPECT_EQ(undelivered[0].notices, 1U);
  EXPECT_EQ(undelivered[0].tries, 2);
  EXPECT_GT(undelivered[0].next_try, Now());
  EXPECT_EQ(undelivered[1].to, "the command /bin/sh");
  EXPECT_EQ(undelivered[1].why, "the command /bin/sh ended with exit code 3");
  outbox.Send({notices[0]});
  EXPECT_TRUE(Becomes([&] { return outbox.ListUndelivered()[0].notices == 2; }));
  EXPECT_TRUE(Becomes([&] {
    const std::lock_guard lock(mutex);
    return said.size() == 2;  // once of each receiver
  }));
  const std::lock_guard lock(mutex);
  for (const std::string& sentence : said) {
    EXPECT_NE(sentence.find("the notice \"failed\" of shop/training could not be delivered to "),
              std::string::npos)
        << sentence;
    EXPECT_EQ(sentence.find("password"), std::string::npos) << sentence;
    EXPECT_EQ(sentence.find("secret"), std::string::npos) << sentence;
  }
}

TEST_F(OutboxTest, SaysWhenNoticesAreDeliveredAgain) {
  std::promise<std::string> again;
  const auto say = [&](const std::string& sentence) {
    if (sentence.starts_with("notices are delivered")) again.set_value(sentence);
  };
  Outbox outbox(
      std::nullopt, [&](record::NoticeOutcome outcome) { heard_.Add(std::move(outcome)); }, say);
  const std::string file = (folder_ / "works").string();
  auto notices = Outbox::NoticesOf(Failure("r1"), Now(), {ByCommand("test -e " + file)});
  notices[0].tries = 1;
  outbox.Send(notices);
  EXPECT_TRUE(Becomes([&] { return outbox.ListUndelivered().size() == 1; }));
  folder_.Write("works", "");
  outbox.Send(Outbox::NoticesOf(Failure("r2"), Now(), {ByCommand("test -e " + file)}));
  auto sentence = again.get_future();
  ASSERT_EQ(sentence.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(sentence.get(), "notices are delivered to the command /bin/sh again");
}

TEST_F(OutboxTest, TellsOnlyWhoIsInterestedAndEachReceiverOnce) {
  service::Notify late = ByCommand("true");
  late.on = {"late"};
  service::Notify many = ByCommand("true");
  many.webhook = "https://example.com/hook";
  many.emails = {"a@example.com", "b@example.com"};
  const Instant now = Now();
  EXPECT_EQ(Outbox::NoticesOf(Failure(), now, {late}).size(), 0U);
  const auto notices = Outbox::NoticesOf(Failure(), now, {many, ByCommand("true")});
  EXPECT_EQ(notices.size(), 4U);
  std::set<std::string> keys;
  for (const auto& notice : notices) keys.insert(notice.key);
  EXPECT_EQ(keys.size(), 4U);
  EXPECT_EQ(Outbox::NoticesOf(Failure(), now, {many})[0].key, notices[0].key);
}

}  // namespace
}  // namespace busker::daemon
