// Open data dates as they are kept: page by page, and whatever happens while they are looked up.
#include "serve/open_dates.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <functional>

#include "record/raw_file.h"
#include "record/record_fixture.h"
#include "serve/known_services.h"

namespace busker::serve {
namespace {

using enum plan::State;
using Texts = std::vector<std::string>;

class KeptTest : public testing::Test {
 protected:
  KeptTest() {
    for (const char* const graph : {"a", "b", "c", "shop/training"}) {
      auto definition = std::make_shared<catalogue::Definition>();
      definition->graph.key = graph;
      catalogue_.definitions.emplace(graph, definition);
    }
  }

  std::unique_ptr<record::Record> Open() {
    return std::move(record::OpenSqliteRecord(folder_.File(), true).value());
  }

  // A run of the graph, which is at work, each for a date of its own.
  void Begin(const std::string& run, const plan::GraphKey& graph) {
    plan::DagRun asked = record::Requested(run, graph);
    asked.data_date = FormatDate(record::kNoon + std::chrono::days(++dates_));
    ASSERT_TRUE(record::AddRun(*engine_, asked, record::TasksNamed({"t"})));
    ASSERT_TRUE(record::Append(*engine_, record::Begin(run, "t")));
  }
  void End(const std::string& run, plan::State state) {
    ASSERT_TRUE(record::Append(*engine_,
                               {plan::TaskChanged{run, "t", kRunning, state, ""},
                                plan::RunChanged{run, kRunning, state, ""}},
                               {record::Ended(run, "t", "exited")}));
  }

  // "a: run r1", of each graph that is told.
  Texts Told(const std::function<void(const plan::GraphKey&)>& meanwhile = {},
             const plan::GraphKey& after = {}, std::size_t count_max = 200) {
    Texts told;
    const auto sees = [&](const plan::GraphKey& key) {
      if (meanwhile) meanwhile(key);
      return true;
    };
    found_ = open_.Find(*reader_, catalogue_, sees, after, count_max).value();
    for (const auto& [graph, open] : found_.graphs) {
      told.push_back(graph.Text() + ": run " + open.dates.front().run);
    }
    return told;
  }

  const record::RecordFolder folder_;
  catalogue::Catalogue catalogue_;
  const std::unique_ptr<record::Record> engine_ = Open(), reader_ = Open();
  OpenDates open_;
  OpenDates::Found found_;
  int dates_ = 0;
};

TEST_F(KeptTest, ArePagedByTheNamesOfTheirGraphs) {
  for (const char* const graph : {"a", "c", "shop/training"}) {
    Begin(std::string("run of ") + graph, graph);
    End(std::string("run of ") + graph, kFailed);
  }
  EXPECT_EQ(Told().size(), 3U);
  EXPECT_FALSE(found_.has_next_page);
  EXPECT_EQ(Told({}, {}, 2), (Texts{"a: run run of a", "c: run run of c"}));
  EXPECT_TRUE(found_.has_next_page);
  EXPECT_EQ(found_.all, 3U);
  EXPECT_EQ(found_.graphs[0].second.failed, 1U);
  EXPECT_EQ(found_.graphs[0].second.missing, 0U);
  EXPECT_EQ(Told({}, "c", 2), (Texts{"shop/training: run run of shop/training"}));
  EXPECT_FALSE(found_.has_next_page);
  EXPECT_EQ(found_.all, 3U);
  EXPECT_EQ(Told({}, "shop/training", 2), Texts{});
}

// A date that failed was told no more once 120 runs had come after it: of an action that runs each
// hour, after five days.
TEST_F(KeptTest, AreToldHoweverManyRunsCameSince) {
  OpenDates few(2);
  const auto told = [&] {
    Texts dates;
    const auto found = few.Find(
        *reader_, catalogue_, [](const auto&) { return true; }, {}, 200);
    for (const auto& [graph, open] : found.value().graphs) {
      for (const DataDate& date : open.dates) dates.push_back(date.date + " " + date.run);
    }
    return dates;
  };
  for (const char* const run : {"r1", "r2", "r3", "r4", "r5"}) {
    Begin(run, "a");
    End(run, run == std::string("r1") || run == std::string("r2") ? kFailed : kSucceeded);
  }
  const std::string first = FormatDate(record::kNoon + std::chrono::days(1)),
                    second = FormatDate(record::kNoon + std::chrono::days(2));
  EXPECT_EQ(told(), (Texts{second + " r2", first + " r1"}));
  // Once it has succeeded it is not told, whichever of its runs is the newer one.
  dates_ = 1;
  Begin("r6", "a");
  End("r6", kSucceeded);
  for (const char* const run : {"r7", "r8"}) {
    Begin(run, "a");
    End(run, kSucceeded);
  }
  EXPECT_EQ(told(), (Texts{first + " r1"}));
}

// What is kept must not outlive a run that ends while it is made: behind the events that were read,
// before its runs are, and between those of one graph and of the next.
TEST_F(KeptTest, AreMadeAnewWhenARunEndsWhileTheyAreLookedUp) {
  Texts open;
  for (const char* const ended_at : {"a", "b", "c", "shop/training"}) {
    for (const plan::State state : {kFailed, kSucceeded}) {
      for (const bool is_known : {false, true}) {
        const std::string run = fmt::format("r{}", dates_);
        Begin(run, "b");
        if (is_known) {
          EXPECT_EQ(Told(), open);
        }
        Told([&](const plan::GraphKey& key) {
          if (key == ended_at) End(run, state);
        });
        if (state == kFailed) open = {"b: run " + run};
        EXPECT_EQ(Told(), open) << run << " ended when " << ended_at << " was looked at";
      }
    }
  }
}

// Also of a run that began and ended within one look, and of one whose end is told page by page, as
// a thousand other events came with it.
TEST_F(KeptTest, AreMadeAnewHoweverMuchHappensAtOnce) {
  Told();
  EXPECT_EQ(Told([&](const plan::GraphKey& key) {
              if (key != "b") return;
              Begin("r1", "a");
              End("r1", kFailed);
              for (int i = 0; i < 1500; ++i) {
                ASSERT_TRUE(engine_->AddEvent({0, record::kNoon, "", "", "e", "ada", "", ""}));
              }
            }),
            Texts{});
  EXPECT_EQ(Told(), Texts{"a: run r1"});
}

// The same of the list of services: a promotion ends while its service is read.
TEST_F(KeptTest, ServicesAreMadeAnewWhenARunEndsWhileTheyAreRead) {
  const auto shop = std::make_shared<service::Service>();
  shop->name = "shop";
  const std::vector<SharedService> services = {shop};
  KnownServices<std::string> known;
  const auto newest = [&] {
    return std::string(NameOf(reader_->NewestRun("shop/training").value().state));
  };
  const auto told = [&](const std::function<void()>& before, const std::function<void()>& behind) {
    const auto make = [&](const SharedService&) {
      if (before) before();
      std::string state = newest();
      if (behind) behind();
      return state;
    };
    return *known.Find(*reader_, services, record::kNoon, make).value().front();
  };
  Begin("r1", "shop/training");
  EXPECT_EQ(told({}, {}), "running");
  EXPECT_EQ(told({}, [] { FAIL() << "nothing happened"; }), "running");
  Begin("r2", "shop/training");
  EXPECT_EQ(told({}, [&] { End("r2", kFailed); }), "running");
  EXPECT_EQ(told({}, {}), "failed");
  Begin("r3", "shop/training");
  EXPECT_EQ(told([&] { End("r3", kSucceeded); }, {}), "succeeded");
  EXPECT_EQ(told({}, {}), "succeeded");
}

}  // namespace
}  // namespace busker::serve
