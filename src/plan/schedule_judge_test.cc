// The judge of ZonedCron: every minute of a window, one after the other, in every zone of the
// installed time-zone database. It shares nothing with what it judges: the C library tells the
// offsets (date's library tells them to Busker), the fields are counted here, and the expressions
// are made together with the sets of values that they mean.
//
// BUSKER_SEED and BUSKER_WINDOWS make other windows and more of them.
#include <gtest/gtest.h>
#include <time.h>  // localtime_r and tzset are POSIX's

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <unordered_set>

#include "plan/zoned_cron.h"

namespace busker::plan {
namespace {

using Random = std::mt19937_64;
using Seconds = long long;  // since 1970, UTC or on the wall

constexpr Seconds kMinute = 60, kHour = 3600, kDay = 86'400;
constexpr Seconds kHalfWindow = 36 * kHour;  // what is compared, at both sides of its centre
constexpr Seconds kLeadIn = 2 * kDay;        // walked before, to know what was shown before
constexpr std::size_t kRunsCompared = 60;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr long kWindows = 4'000;
#else
constexpr long kWindows = 120'000;
#endif

long Setting(const char* name, long standard) {
  const char* value = std::getenv(name);
  return value == nullptr ? standard : std::atol(value);
}

std::size_t Pick(Random& random, std::size_t count) { return random() % count; }
bool Chance(Random& random, int percent) {
  return Pick(random, 100) < static_cast<std::size_t>(percent);
}

// ---- zones, as the C library knows them

std::vector<std::string> InstalledZones() {
  namespace fs = std::filesystem;
  const fs::path root = "/usr/share/zoneinfo";
  std::vector<std::string> zones;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (!fs::is_regular_file(entry.path()) || name == "localtime" || name == "posixrules") continue;
    if (name == "Factory") continue;  // says that no zone was set
    if (name.starts_with("posix/") || name.starts_with("right/")) continue;
    std::string magic(4, ' ');
    std::ifstream(entry.path()).read(magic.data(), 4);
    if (magic == "TZif") zones.push_back(name);
  }
  std::sort(zones.begin(), zones.end());
  return zones;
}

void EnterZone(const std::string& zone) {
  setenv("TZ", zone.c_str(), 1);
  tzset();
}

Seconds AskOffset(Seconds instant) {
  const time_t time = instant;
  tm fields{};
  localtime_r(&time, &fields);
  return fields.tm_gmtoff;
}

// The seconds at which the offset changes, by asking every `step`; two changes within one step that
// undo each other are not seen.
std::vector<Seconds> Changes(Seconds from, Seconds to, Seconds step) {
  std::vector<Seconds> changes;
  Seconds before = AskOffset(from);
  for (Seconds at = from; at < to; at += step) {
    const Seconds after = AskOffset(at + step);
    Seconds low = at, high = at + step;  // the change is after low, and at high or before
    while (after != before && high - low > 1) {
      const Seconds middle = (low + high) / 2;
      (AskOffset(middle) == before ? low : high) = middle;
    }
    if (after != before) changes.push_back(high);
    before = after;
  }
  return changes;
}

// ---- what the clocks show, minute by minute

struct Shown {
  Seconds instant;  // UTC
  Seconds local;    // the minute on the wall, in seconds since 1970
  unsigned minute, hour, day, month, weekday;
  bool again;  // was shown before
};

// A local minute that the clocks left out, and the instant after the gap.
struct Missing {
  Shown minute;
  Seconds gap;  // how long it was
};

struct Walk {
  std::vector<Shown> shown;
  std::vector<Missing> missing;
};

Shown Fields(Seconds instant, Seconds local) {
  const time_t time = local;
  tm fields{};
  gmtime_r(&time, &fields);
  return {instant,
          local,
          static_cast<unsigned>(fields.tm_min),
          static_cast<unsigned>(fields.tm_hour),
          static_cast<unsigned>(fields.tm_mday),
          static_cast<unsigned>(fields.tm_mon + 1),
          static_cast<unsigned>(fields.tm_wday),
          false};
}

// The offset at every instant of a window: asked for every ten minutes, and at each instant where
// two of these answers differ.
class Offsets {
 public:
  Seconds At(Seconds instant) {
    const Seconds block = instant - ((instant % kBlock) + kBlock) % kBlock;
    const Seconds first = Ask(block);
    if (first == Ask(block + kBlock)) return first;
    return Ask(instant);
  }

 private:
  static constexpr Seconds kBlock = 600;
  Seconds Ask(Seconds instant) {
    const auto known = known_.find(instant);
    if (known != known_.end()) return known->second;
    return known_[instant] = AskOffset(instant);
  }
  std::map<Seconds, Seconds> known_;
};

Walk WalkMinutes(Seconds from, Seconds to) {
  Walk walk;
  Offsets offsets;
  std::unordered_set<Seconds> seen;
  Seconds before = offsets.At(from - 1);
  for (Seconds at = from; at < to; ++at) {
    const Seconds offset = offsets.At(at);
    if (offset > before) {
      // The first minute that begins in the gap.
      Seconds local = at + before;
      while (local % kMinute != 0) ++local;
      for (; local < at + offset; local += kMinute) {
        if (seen.insert(local).second) walk.missing.push_back({Fields(at, local), offset - before});
      }
    }
    before = offset;
    if ((at + offset) % kMinute == 0) {
      walk.shown.push_back(Fields(at, at + offset));
      walk.shown.back().again = !seen.insert(at + offset).second;
      // Until the next minute nothing happens, unless the offset changes.
      if (offsets.At(at + kMinute) == offset && offsets.At(at + kMinute - 1) == offset) {
        at += kMinute - 1;
      }
    }
  }
  return walk;
}

// ---- expressions, and what they mean

struct Meaning {
  std::string text;
  std::set<unsigned> values;
  bool star = false;
};

struct Range {
  unsigned first, last;
  std::vector<std::string> names;  // of first, first + 1, ...
};

std::string Name(Random& random, const Range& range, unsigned value) {
  if (!range.names.empty() && value - range.first < range.names.size() && Chance(random, 30)) {
    return range.names[value - range.first];
  }
  return (Chance(random, 5) && value < 10 ? "0" : "") + std::to_string(value);
}

void AddPart(Random& random, const Range& range, Meaning& field) {
  const auto any = [&] {
    return range.first + static_cast<unsigned>(Pick(random, range.last - range.first + 1));
  };
  unsigned first = any(), last = first, step = 1;
  std::string text = Name(random, range, first);
  if (Chance(random, 40)) {
    last = any();
    if (last < first) std::swap(first, last);
    text = Name(random, range, first) + "-" + Name(random, range, last);
    if (Chance(random, 40)) {
      step = 1 + static_cast<unsigned>(Pick(random, 12)) % (range.last - range.first + 1);
      text += "/" + std::to_string(step);
    }
  }
  for (unsigned value = first; value <= last; value += step) field.values.insert(value);
  field.text += (field.text.empty() ? "" : ",") + text;
}

Meaning Field(Random& random, const Range& range, int stars) {
  Meaning field;
  if (Chance(random, stars)) {
    field.star = true;
    const auto size = range.last - range.first + 1;
    const unsigned step = Chance(random, 50) ? 1 : 1 + static_cast<unsigned>(Pick(random, size));
    field.text = step == 1 ? "*" : "*/" + std::to_string(step);
    for (unsigned v = range.first; v <= range.last; v += step) field.values.insert(v);
    if (Chance(random, 80)) return field;
  }
  const auto parts = Chance(random, 60) ? 1 : 1 + Pick(random, 4);
  for (std::size_t i = 0; i < parts; ++i) AddPart(random, range, field);
  return field;
}

struct Expression {
  Meaning minute, hour, day, month, weekday;

  std::string Text() const {
    return minute.text + " " + hour.text + " " + day.text + " " + month.text + " " + weekday.text;
  }
  bool Names(const Shown& at) const {
    if (!minute.values.contains(at.minute) || !hour.values.contains(at.hour)) return false;
    if (!month.values.contains(at.month)) return false;
    const bool by_day = day.values.contains(at.day);
    const bool by_weekday =
        weekday.values.contains(at.weekday) || (at.weekday == 0 && weekday.values.contains(7));
    return day.star || weekday.star ? by_day && by_weekday : by_day || by_weekday;
  }
  bool Fixed() const { return !minute.star && !hour.star; }
};

const Range kMinutes{0, 59, {}}, kHours{0, 23, {}}, kDays{1, 31, {}};
const Range kMonths{
    1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "AUG", "Sep", "oct", "nov", "dec"}};
const Range kWeekdays{0, 7, {"sun", "mon", "tue", "wed", "thu", "FRI", "sat"}};

// Half of them name an hour and a minute near what the clocks show at the centre.
Expression AnyExpression(Random& random, const Shown& centre) {
  const int stars = Chance(random, 40) ? 0 : 50;
  Expression e = {Field(random, kMinutes, stars), Field(random, kHours, stars),
                  Field(random, kDays, 75), Field(random, kMonths, 85),
                  Field(random, kWeekdays, 75)};
  if (Chance(random, 50)) {
    const auto hour = static_cast<unsigned>((centre.hour + 22 + Pick(random, 5)) % 24);
    if (e.hour.values.insert(hour).second) e.hour.text += "," + std::to_string(hour);
  }
  if (Chance(random, 50) && e.month.values.insert(centre.month).second) {
    e.month.text += "," + std::to_string(centre.month);
  }
  return e;
}

// The rule, said once more: see zoned_cron.h.
std::vector<Seconds> BruteForce(const Walk& walk, const Expression& expression, Seconds from,
                                Seconds to) {
  std::set<Seconds> runs;
  for (const Shown& shown : walk.shown) {
    if (shown.instant < from || shown.instant >= to || !expression.Names(shown)) continue;
    if (!shown.again || !expression.Fixed()) runs.insert(shown.instant);
  }
  for (const Missing& missing : walk.missing) {
    const Seconds at = missing.minute.instant;
    if (at < from || at >= to || !expression.Fixed() || missing.gap > 3 * kHour) continue;
    if (expression.Names(missing.minute)) runs.insert(at);
  }
  return {runs.begin(), runs.end()};
}

// ---- the comparison

Instant At(Seconds seconds) { return Instant(std::chrono::seconds(seconds)); }

std::string Text(std::optional<Instant> instant) {
  return instant ? FormatRfc3339(*instant) : "nothing";
}

// What differs; empty: nothing. The runs before and after each one (or some of them) are asked for,
// from one to the next and from an instant between.
std::string Difference(Random& random, const ZonedCron& schedule, const std::vector<Seconds>& runs,
                       Seconds from, Seconds to) {
  std::size_t first = 0, last = runs.size();
  if (runs.size() > kRunsCompared) {
    const auto middle = std::lower_bound(runs.begin(), runs.end(), (from + to) / 2) - runs.begin();
    first = Chance(random, 80) ? static_cast<std::size_t>(middle) - kRunsCompared / 2
                               : Pick(random, runs.size() - kRunsCompared);
    first = std::min(first, runs.size() - kRunsCompared);
    last = first + kRunsCompared;
  }
  for (std::size_t i = first; i <= last; ++i) {
    const Instant before = i == 0 ? At(from) - Milliseconds(1) : At(runs[i - 1]);
    const Instant after = i == runs.size() ? At(to) : At(runs[i]);
    const auto room = static_cast<std::size_t>((after - before).count());
    const Instant between = before + Milliseconds(Pick(random, room));
    for (const Instant asked : {before, between}) {
      const auto next = schedule.Next(asked);
      const bool good = i == runs.size() ? !next || *next >= At(to) : next == after;
      if (!good) return "after " + Text(asked) + ": " + Text(next) + ", not " + Text(after);
    }
    for (const Instant asked : {after, between + Milliseconds(1)}) {
      const auto previous = schedule.Previous(asked);
      const bool good = i == 0 ? !previous || *previous < At(from) : previous == before;
      if (!good) return "before " + Text(asked) + ": " + Text(previous) + ", not " + Text(before);
    }
  }
  return "";
}

struct Score {
  long windows = 0, near_a_change = 0, runs = 0, differences = 0;
};

// Some expressions in one window of the zone that was entered.
void JudgeWindow(Random& random, const std::string& zone, Seconds centre, long expressions,
                 Score& score) {
  const Seconds from = centre - kHalfWindow, to = centre + kHalfWindow;
  const Walk walk = WalkMinutes(from - kLeadIn, to);
  const Shown at = Fields(centre, centre + AskOffset(centre));
  const auto known = Zone::Find(zone);
  ASSERT_TRUE(known) << known.error().message;
  for (long i = 0; i < expressions; ++i) {
    const Expression expression = AnyExpression(random, at);
    const auto cron = ParseCron(expression.Text());
    if (!cron) {  // 30 February
      --i;
      continue;
    }
    const auto runs = BruteForce(walk, expression, from, to);
    const std::string difference = Difference(random, ZonedCron(*cron, *known), runs, from, to);
    score.windows += 1;
    score.runs += static_cast<long>(runs.size());
    if (difference.empty()) continue;
    score.differences += 1;
    if (score.differences <= 10)
      ADD_FAILURE() << expression.Text() << " in " << zone << " " << difference;
  }
}

TEST(ScheduleJudge, FindsNoDifferenceFromEveryMinuteOfEveryZone) {
  const auto seed =
      static_cast<std::uint64_t>(Setting("BUSKER_SEED", static_cast<long>(std::random_device()())));
  const long windows = Setting("BUSKER_WINDOWS", kWindows);
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  auto zones = InstalledZones();
  ASSERT_GT(zones.size(), 400U);
  constexpr long kExpressions = 20;                                // per place
  if (static_cast<long>(zones.size()) * kExpressions > windows) {  // some of the zones only
    std::shuffle(zones.begin(), zones.end(), random);
    zones.resize(static_cast<std::size_t>(windows / kExpressions + 1));
  }
  const long places = windows / kExpressions / static_cast<long>(zones.size()) + 1;
  const Seconds first = -3'786'825'600, y1970 = 0, y2038 = 2'145'916'800, last = 3'660'681'600;
  Score score;
  const char* old = std::getenv("TZ");
  const std::string restored = old == nullptr ? "" : old;
  for (const std::string& zone : zones) {
    EnterZone(zone);
    const auto all = Changes(first, last, 10 * kDay);
    std::vector<Seconds> usual;
    for (Seconds change : all) {
      if (change >= y1970 && change < y2038) usual.push_back(change);
    }
    for (long i = 0; i < places; ++i) {
      // Of ten places one is anywhere, two are near any change from 1850 to 2085, and seven near
      // one from 1970 to 2037.
      const auto kind = Pick(random, 10);
      const auto& changes = kind <= 2 || usual.empty() ? all : usual;
      Seconds centre = y1970 + static_cast<Seconds>(random() % static_cast<std::uint64_t>(y2038));
      if (kind >= 1 && !changes.empty()) {
        centre = changes[Pick(random, changes.size())] - 12 * kHour +
                 static_cast<Seconds>(Pick(random, 24 * kHour));
        score.near_a_change += kExpressions;
      }
      JudgeWindow(random, zone, centre, kExpressions, score);
      if (HasFatalFailure()) return;
    }
  }
  EnterZone(restored);
  std::printf("%zu zones, %ld windows, %ld near a change, %ld runs, %ld differences\n",
              zones.size(), score.windows, score.near_a_change, score.runs, score.differences);
  EXPECT_EQ(score.differences, 0);
  EXPECT_GE(score.windows, windows);
}

}  // namespace
}  // namespace busker::plan
