// Graph files that are wrong in every way that we could think of: each is a sentence with its
// place, and none brings the reader down or keeps it busy.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "base/text.h"
#include "service/graph_file.h"
#include "service/test_folder.h"

namespace busker::service {
namespace {

// ":LINE:COLUMN: a sentence".
bool IsPlaceAndSentence(const std::string& text) {
  int line = 0, column = 0, end = 0;
  return std::sscanf(text.c_str(), ":%d:%d: %n", &line, &column, &end) == 2 && line > 0 &&
         column > 0 && end > 0 && text.size() >= static_cast<std::size_t>(end) + 8 &&
         text.find('\n') == std::string::npos;
}

constexpr char kGood[] = R"({
  "graph": {
    "dag_id": "churn",
    "description": "Trains \u00e9\ud83d\ude00.",
    "schedule_interval": "0 7 * * *",
    "start_date": "2026-01-01",
    "catchup": false,
    "tags": ["a", "b"],
    "default_args": {"owner": "ana", "retries": 2, "retry_delay": 9.5e1}
  },
  "tasks": [
    {"name": "fetch", "code": "make -C \"${ROOT}/..\" fetch"},
    {"name": "train", "code": "make train", "memory": "1GiB"}
  ],
  "dependencies": [["train", "fetch"]]
}
)";

class Poison : public testing::Test {
 protected:
  // The faults of the text; each is held to be a printable sentence with a place.
  std::vector<std::string> FaultsOf(const std::string& text) {
    const std::string path = folder_.root() + "/configs/p.json";
    std::filesystem::remove(
        path);  // a file written over is flushed to the disk, which takes its time
    folder_.Write("configs/p.json", text);
    const auto begin = std::chrono::steady_clock::now();
    auto faults = ValidateGraphFile(path);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << Shown(text);
    EXPECT_EQ(LoadGraphFile(path).has_value(), faults.empty()) << Shown(text);
    for (const std::string& fault : faults) {
      EXPECT_TRUE(fault.starts_with(path + ":")) << Shown(text) << fault;
      const std::string rest = fault.substr(std::min(fault.size(), path.size()));
      EXPECT_TRUE(rest.size() < 2000 && IsPlaceAndSentence(rest)) << Shown(text) << rest;
      EXPECT_EQ(Printable(fault), fault);
      EXPECT_TRUE(IsUtf8(fault));
    }
    return faults;
  }
  void ExpectFault(const std::string& text) { EXPECT_FALSE(FaultsOf(text).empty()) << Shown(text); }

  static std::string Shown(const std::string& text) {
    return Printable(text.substr(0, 200)) + "\n";
  }

  TestFolder folder_;
};

// `kGood` with the first `what` replaced by `with`.
std::string With(const std::string& what, const std::string& with) {
  std::string text = kGood;
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST_F(Poison, IsMadeOfAFileThatIsGood) { EXPECT_EQ(FaultsOf(kGood), std::vector<std::string>{}); }

TEST_F(Poison, OfAFileThatEndsTooEarly) {
  const std::string good = kGood;
  for (std::size_t size = 0; size + 2 < good.size(); ++size) ExpectFault(good.substr(0, size));
}

TEST_F(Poison, OfAByteThatIsAnother) {
  const std::string good = kGood;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\0', '"', '\\', '{', ']', ',', '\n', '\x1b', '\xff', '\xc3'}) {
      std::string text = good;
      text[at] = byte;
      FaultsOf(text);  // some are good files too
    }
  }
}

TEST_F(Poison, OfAByteTooFew) {
  const std::string good = kGood;
  for (std::size_t at = 0; at < good.size(); ++at) FaultsOf(std::string(good).erase(at, 1));
}

TEST_F(Poison, OfAWrongTypeAtEveryKey) {
  const std::vector<std::string> values = {"true",
                                           "-1",
                                           "0",
                                           "1.5",
                                           "1e999",
                                           "-1e999",
                                           "99999999999999999999",
                                           "1e-999",
                                           "\"\"",
                                           "\"x\"",
                                           "\" \"",
                                           "\"\\u0000\"",
                                           "[]",
                                           "[1]",
                                           "[[]]",
                                           "[null]",
                                           "{}",
                                           "{\"a\": 1}",
                                           "\"2026-13-01\"",
                                           "\"9999999999999999h\"",
                                           "\"../..\""};
  const std::vector<std::string> graph_keys = {
      "description",    "schedule", "schedule_interval", "start_date",
      "end_date",       "timezone", "catchup",           "max_active_runs",
      "dagrun_timeout", "tags",     "default_args"};
  const std::vector<std::string> task_keys = {"name",
                                              "code",
                                              "owner",
                                              "depends_on_past",
                                              "retries",
                                              "retry_delay",
                                              "retry_exponential_backoff",
                                              "max_retry_delay",
                                              "execution_timeout",
                                              "trigger_rule",
                                              "pool",
                                              "pool_slots",
                                              "priority_weight",
                                              "email",
                                              "email_on_failure",
                                              "email_on_retry",
                                              "cpus",
                                              "memory"};
  const auto task = [](const std::string& key, const std::string& value) {
    const std::string rest = key == "name"   ? ", \"code\": \"true\""
                             : key == "code" ? ", \"name\": \"a\""
                                             : ", \"name\": \"a\", \"code\": \"true\"";
    return "{\"" + key + "\": " + value + rest + "}";
  };
  int refused = 0;
  int tried = 0;
  const auto count = [&](const std::string& text) {
    ++tried;
    if (!FaultsOf(text).empty()) ++refused;
  };
  for (const std::string& value : values) {
    for (const std::string& key : graph_keys) {
      count("{\"graph\": {\"dag_id\": \"g\", \"" + key + "\": " + value + "}, \"tasks\": [" +
            task("name", "\"a\"") + "]}");
    }
    for (const std::string& key : task_keys) {
      count("{\"graph\": {\"dag_id\": \"g\"}, \"tasks\": [" + task(key, value) + "]}");
      if (key == "name" || key == "code") continue;
      count("{\"graph\": {\"dag_id\": \"g\", \"default_args\": {\"" + key + "\": " + value +
            "}}, \"tasks\": [" + task("name", "\"a\"") + "]}");
    }
    for (const std::string key : {"graph", "tasks", "dependencies"}) {
      std::string text = "{";
      for (const std::string other : {"graph", "tasks", "dependencies"}) {
        const std::string good = other == "graph"   ? "{\"dag_id\": \"g\"}"
                                 : other == "tasks" ? "[" + task("name", "\"a\"") + "]"
                                                    : "[]";
        text += (text.size() > 1 ? ", \"" : "\"") + other + "\": " + (other == key ? value : good);
      }
      count(text + "}");
    }
    count("{\"graph\": {\"dag_id\": " + value + "}, \"tasks\": [" + task("name", "\"a\"") + "]}");
    count(value);
  }
  EXPECT_GT(tried, 900);
  EXPECT_GT(refused, tried * 8 / 10);  // "x" is a good description, ...
}

TEST_F(Poison, OfWhatIsNoJson) {
  for (const char* text : {"",
                           " ",
                           "\n",
                           "\xEF\xBB\xBF",
                           "null",
                           "true",
                           "1",
                           "\"x\"",
                           "[]",
                           "[{}]",
                           "{",
                           "}",
                           "{]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\" 1}",
                           "{a: 1}",
                           "{'a': 1}",
                           "{\"a\": 'x'}",
                           "{\"a\": 1,}",
                           "{\"a\": [1,]}",
                           "{\"a\": [,1]}",
                           "{,}",
                           "{\"a\": 1 \"b\": 2}",
                           "{\"a\": 01}",
                           "{\"a\": +1}",
                           "{\"a\": .5}",
                           "{\"a\": 5.}",
                           "{\"a\": 1e}",
                           "{\"a\": 0x10}",
                           "{\"a\": --1}",
                           "{\"a\": -}",
                           "{\"a\": NaN}",
                           "{\"a\": Infinity}",
                           "{\"a\": True}",
                           "{\"a\": None}",
                           "{\"a\": nul}",
                           "{\"a\": truefalse}",
                           "{\"a\": \"\\x\"}",
                           "{\"a\": \"\\u12\"}",
                           "{\"a\": \"\\ud800\"}",
                           "{\"a\": \"\\udc00\"}",
                           "{\"a\": \"\\ud800\\u0041\"}",
                           "{\"a\": \"\\",
                           "{\"a\": \"\\u",
                           "{\"a\": \"x\ny\"}",
                           "{\"a\": \"\t\"}",
                           "{\"a\": \"\x7f\"}",
                           "{} {}",
                           "{}x",
                           "// x\n{}",
                           "{ /* x */ }",
                           "{\"a\": 1 // x\n}",
                           "# x\n{}",
                           "---\na: 1\n",
                           "<xml/>",
                           "\xff\xfe{\0}",
                           "{\"a\": \"\xc0\xaf\"}",
                           "{\"a\": \"\xed\xa0\x80\"}",
                           "{\"a\": \"\xf5\x80\x80\x80\"}",
                           "{\"\xe4\": 1}",
                           "{\"a\": \"\xe2\x82"}) {
    ExpectFault(text);
  }
  ExpectFault(std::string("{\"graph\": \0}", 12));
  ExpectFault(std::string(1000, '\0'));
}

TEST_F(Poison, OfKeysThatAreThereTwice) {
  ExpectFault(With("\"catchup\": false", "\"catchup\": false, \"catchup\": false"));
  ExpectFault(With("\"retries\": 2", "\"retries\": 2, \"r\\u0065tries\": 2"));
  ExpectFault(With("\"name\": \"fetch\"", "\"name\": \"fetch\", \"name\": \"fetch2\""));
  ExpectFault(With("\"dependencies\"", "\"tasks\": [], \"dependencies\""));
  EXPECT_NE(FaultsOf(With("\"catchup\": false", "\"catchup\": false, \"catchup\": true"))[0].find(
                ":7:23: the key \"catchup\" is there already, in line 7"),
            std::string::npos);
  std::string many = "{";
  for (int i = 0; i < 50'000; ++i) many += "\"k\": 1, ";
  EXPECT_LE(FaultsOf(many + "\"k\": 1}").size(), 1000U);
}

TEST_F(Poison, OfDepth) {
  const auto nested = [](const std::string& open, const std::string& close, int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    text += "1";
    for (int i = 0; i < depth; ++i) text += close;
    return text;
  };
  for (const int depth : {10, 63, 64, 65, 1000, 100'000, 1'000'000}) {
    ExpectFault(With("\"tasks\": [", "\"tasks\": [" + nested("[", "]", depth) + ", "));
    ExpectFault(With("\"retries\": 2", "\"retries\": " + nested("{\"a\":", "}", depth)));
    ExpectFault(std::string(static_cast<std::size_t>(depth), '['));
  }
  EXPECT_NE(FaultsOf(nested("[", "]", 65))[0].find(":1:65: nested deeper than 64 levels"),
            std::string::npos);
}

TEST_F(Poison, OfSheerSize) {
  const std::string mega(1 << 20, 'x');
  ExpectFault("{\"graph\": \"" + mega + "\"}");
  ExpectFault("{\"" + mega + "\": 1}");
  ExpectFault(With("\"fetch\"", "\"" + mega + "\""));
  ExpectFault(With("9.5e1", std::string(1 << 20, '9')));
  std::string zeros = "[0";
  for (int i = 0; i < 2'000'000; ++i) zeros += ",0";
  ExpectFault("{\"graph\": " + zeros + "]}");
  std::string unknown = "{";
  for (int i = 0; i < 200'000; ++i) unknown += "\"retrie" + std::to_string(i) + "\": 1, ";
  ExpectFault(With("{\"name\": \"train\"", unknown + "\"name\": \"train\""));
  std::string strangers;
  for (int i = 0; i < 50'000; ++i) strangers += "[\"fetch\", \"s" + std::to_string(i) + "\"], ";
  EXPECT_EQ(FaultsOf(With("[[\"train\"", "[" + strangers + "[\"train\"")).size(), 1000U);
  ExpectFault(With("fetch\"}", std::string(400'000, '$') + "\"}"));
  std::string roots;
  for (int i = 0; i < 100'000; ++i) roots += "${ROOT}";
  ExpectFault(With("make train", roots));
}

TEST_F(Poison, OfCircles) {
  std::string tasks, dependencies;
  constexpr int kTasks = 10'000;
  for (int i = 0; i < kTasks; ++i) {
    const std::string name = "t" + std::to_string(i);
    tasks += (i > 0 ? ", " : "") + ("{\"name\": \"" + name + "\", \"code\": \"true\"}");
    dependencies +=
        (i > 0 ? ", " : "") + ("[\"" + name + "\", \"t" + std::to_string((i + 1) % kTasks) + "\"]");
  }
  const auto faults = FaultsOf("{\"graph\": {\"dag_id\": \"g\"}, \"tasks\": [" + tasks +
                               "], \"dependencies\": [" + dependencies + "]}");
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_NE(faults[0].find("the dependencies go in a circle: \"t0\" waits for \"t1\""),
            std::string::npos);
}

}  // namespace
}  // namespace busker::service
