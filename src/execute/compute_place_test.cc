#include "execute/compute_place.h"

#include <gtest/gtest.h>

namespace busker::execute {
namespace {

const std::string kPlace = "compute-engine://example-project/europe-west1-b,europe-west1-c";
const std::string kNeeded =
    "?machine_type=e2-standard-2&image=europe-west1-docker.pkg.dev/p/r/churn@sha256:00"
    "&store=gs://bucket/models&service_account=churn@example-project.iam.gserviceaccount.com";

TEST(ComputePlace, SaysWhichZonesAreAskedInWhichOrder) {
  const auto place = ComputePlaceIn(kPlace);
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(place->project, "example-project");
  EXPECT_EQ(place->zones, (std::vector<std::string>{"europe-west1-b", "europe-west1-c"}));
  EXPECT_EQ(RegionOf(place->zones[0]), "europe-west1");
  EXPECT_EQ(ComputePlaceIn(kPlace + kNeeded)->zones, place->zones);
}

TEST(ComputePlace, HasDefaultsForWhatIsNotNeeded) {
  const auto settings = ComputeSettingsIn(kPlace + kNeeded);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->machine_type, "e2-standard-2");
  EXPECT_EQ(settings->image, "europe-west1-docker.pkg.dev/p/r/churn@sha256:00");
  EXPECT_EQ(settings->store, "gs://bucket/models");
  EXPECT_EQ(settings->service_account, "churn@example-project.iam.gserviceaccount.com");
  EXPECT_TRUE(settings->has_public_ip);
  EXPECT_EQ(settings->disk_gb, 30);
  EXPECT_EQ(settings->disk_type, "pd-balanced");
  EXPECT_EQ(settings->spot_attempts, 0);
  EXPECT_EQ(settings->keep_on_failure, Milliseconds(0));
  EXPECT_EQ(settings->timeout, std::chrono::hours(24));
}

TEST(ComputePlace, TakesEverySetting) {
  const auto settings = ComputeSettingsIn(
      kPlace + kNeeded +
      "&network=own&subnetwork=projects/host/regions/europe-west1/subnetworks/inner&public_ip=false"
      "&disk_gb=100&disk_type=pd-ssd&label=team:risk&label=cost:1_2&keep_on_failure=30m"
      "&spot_attempts=2&timeout_s=7200");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->network, "own");
  EXPECT_EQ(settings->subnetwork, "projects/host/regions/europe-west1/subnetworks/inner");
  EXPECT_FALSE(settings->has_public_ip);
  EXPECT_EQ(settings->disk_gb, 100);
  EXPECT_EQ(settings->disk_type, "pd-ssd");
  EXPECT_EQ(settings->labels,
            (std::map<std::string, std::string>{{"team", "risk"}, {"cost", "1_2"}}));
  EXPECT_EQ(settings->keep_on_failure, std::chrono::minutes(30));
  EXPECT_EQ(settings->spot_attempts, 2);
  EXPECT_EQ(settings->timeout, std::chrono::hours(2));
}

TEST(ComputePlace, RefusesWhatIsNoPlace) {
  for (const std::string place :
       {"compute-engine://", "compute-engine://p-1", "compute-engine://p-1/", "docker:///x",
        "compute-engine://p-1/europe-west1", "compute-engine://p-1/europe-west1-b,",
        "compute-engine://p-1/europe-west1-b,europe-west1-b", "compute-engine://P/europe-west1-b",
        "compute-engine://p-1/europe-west1-b/more", "compute-engine:///europe-west1-b"}) {
    const auto found = ComputePlaceIn(place);
    ASSERT_FALSE(found) << place;
    EXPECT_EQ(found.error().kind, ErrorKind::kInvalid);
  }
}

TEST(ComputePlace, RefusesASettingThatCannotBeAndNamesIt) {
  const std::pair<std::string, std::string> faults[] = {
      {"&machine_type=", "machine_type="},
      {"&machine_type=E2", "machine_type=E2"},
      {"&store=file:///x", "store=file:///x: it must be a bucket"},
      {"&service_account=nobody", "service_account=nobody"},
      {"&public_ip=no", "public_ip=no: it is true or false"},
      {"&disk_gb=5", "from 10 to 65536"},
      {"&disk_gb=ten", "disk_gb=ten"},
      {"&label=Team:x", "label=Team:x"},
      {"&label=busker-home:x", "Busker's own"},
      {"&keep_on_failure=2d", "a day at most"},
      {"&keep_on_failure=30", "30"},
      {"&spot_attempts=-1", "spot_attempts=-1"},
      {"&timeout_s=0", "timeout_s=0"},
      {"&mount=/data", "unknown setting \"mount\""}};
  for (const auto& [setting, told] : faults) {
    const auto found = ComputeSettingsIn(kPlace + kNeeded + setting);
    ASSERT_FALSE(found) << setting;
    EXPECT_NE(found.error().message.find(told), std::string::npos) << found.error().message;
    EXPECT_EQ(found.error().kind, ErrorKind::kInvalid);
  }
}

TEST(ComputePlace, SaysWhatIsMissing) {
  for (const std::string name : {"machine_type", "image", "store", "service_account"}) {
    std::string place = kPlace + kNeeded;
    const std::size_t begin = place.find(name + "=");
    const std::size_t end = place.find('&', begin);
    place.erase(begin, end == std::string::npos ? end : end - begin);
    const auto found = ComputeSettingsIn(place);
    ASSERT_FALSE(found) << place;
    EXPECT_NE(found.error().message.find(name + " is not said"), std::string::npos)
        << found.error().message;
  }
}

}  // namespace
}  // namespace busker::execute
