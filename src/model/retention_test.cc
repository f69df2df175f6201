#include "model/retention.h"

#include <gtest/gtest.h>

namespace busker::model {
namespace {

using artifact::Manifest;
using std::chrono::hours;

Manifest Of(const std::string& action, int day, const std::string& input = "") {
  Manifest version;
  version.name = {"churn", "1", action, "2019080" + std::to_string(day) + "T000000Z"};
  version.saved_at = Instant(hours(24 * day));
  if (!input.empty()) version.input = "churn/1/" + input;
  return version;
}

std::string Told(const std::vector<Manifest>& versions) {
  std::string text;
  for (const Manifest& version : versions) {
    text += (text.empty() ? "" : " ") + version.name.action + version.name.timestamp[7];
  }
  return text;
}

const Retention kBeforeDay4 = {Instant(hours(24 * 4)), 1};

TEST(FindUnneeded, IsOldAndNotAmongTheNewestOfItsAction) {
  EXPECT_EQ(Told(FindUnneeded({}, {}, kBeforeDay4)), "");
  EXPECT_EQ(Told(FindUnneeded({Of("t", 1), Of("t", 2), Of("t", 4)}, {}, kBeforeDay4)), "t1 t2");
  EXPECT_EQ(Told(FindUnneeded({Of("t", 1), Of("t", 2), Of("a", 1)}, {}, kBeforeDay4)), "t1");
  EXPECT_EQ(
      Told(FindUnneeded({Of("t", 1), Of("t", 2), Of("t", 3)}, {}, {kBeforeDay4.saved_before, 2})),
      "t1");
  Manifest other = Of("t", 1);
  other.name.service_version = "2";
  EXPECT_EQ(Told(FindUnneeded({Of("t", 2), other}, {}, kBeforeDay4)), "")
      << "each is the newest of its version of the service";
}

TEST(FindUnneeded, LeavesWhatIsNamedAndWhatWentIntoIt) {
  const std::vector<Manifest> versions = {Of("t", 1), Of("t", 2), Of("t", 3), Of("t", 5)};
  EXPECT_EQ(Told(FindUnneeded(versions, {versions[1].name.Key()}, kBeforeDay4)), "t1 t3");
  const std::vector<Manifest> chain = {Of("t", 1), Of("t", 2), Of("u", 2, "t/20190801T000000Z"),
                                       Of("t", 3), Of("a", 5, "u/20190802T000000Z")};
  EXPECT_EQ(Told(FindUnneeded(chain, {}, kBeforeDay4)), "t2")
      << "a young application is of u, and u of t1";
}

TEST(WithInputs, EndsWhereVersionsAreEachOthersInputs) {
  const std::vector<Manifest> versions = {Of("t", 1, "u/20190801T000000Z"),
                                          Of("u", 1, "t/20190801T000000Z")};
  EXPECT_EQ(WithInputs({versions[0].name.Key()}, versions).size(), 2U);
  EXPECT_EQ(WithInputs({"gone"}, versions), std::set<std::string>{"gone"});
}

}  // namespace
}  // namespace busker::model
