#include "model/as_of.h"

#include <gtest/gtest.h>

namespace busker::model {
namespace {

Instant Day(const std::string& date) { return ParseRfc3339(date + "T00:00:00Z").value(); }

artifact::Manifest Version(const std::string& date, const std::string& timestamp) {
  artifact::Manifest version;
  version.name = {"shop", "1", "training", timestamp};
  version.scheduled_at = Day(date);
  version.data_date = date;
  return version;
}

// Applications to past dates took the version that is live today, which had seen what came later.
TEST(AsOf, IsTheNewestWhoseDataDateIsBefore) {
  Versions versions;
  versions.all = {Version("2019-08-01", "20190801T010000Z"),
                  Version("2019-07-01", "20191001T000000Z"),
                  Version("2019-06-01", "20191002T000000Z")};
  EXPECT_EQ(AsOf(versions, Day("2019-09-01"))->data_date, "2019-08-01");
  EXPECT_EQ(AsOf(versions, Day("2019-07-15"))->data_date, "2019-07-01");
  EXPECT_EQ(AsOf(versions, Day("2019-08-01"))->data_date, "2019-07-01") << "not of the date itself";
  EXPECT_EQ(AsOf(versions, Day("2019-08-01") + Milliseconds(1))->data_date, "2019-08-01");
  EXPECT_EQ(AsOf(versions, Day("2019-06-01")), nullptr);
  EXPECT_EQ(AsOf({}, Day("2019-06-01")), nullptr);
}

TEST(AsOf, IsTheLastSavedOfOneDate) {
  Versions versions;
  versions.all = {Version("2019-08-01", "20190801T010000Z"),
                  Version("2019-08-01", "20190901T000000Z"),
                  Version("2019-07-01", "20191001T000000Z")};
  EXPECT_EQ(AsOf(versions, Day("2019-09-01"))->name.timestamp, "20190901T000000Z");
  std::swap(versions.all[0], versions.all[1]);
  EXPECT_EQ(AsOf(versions, Day("2019-09-01"))->name.timestamp, "20190901T000000Z");
}

}  // namespace
}  // namespace busker::model
