#include "cloud/machine_types.h"

#include <gtest/gtest.h>

namespace busker::cloud {
namespace {

// List prices by the hour, as they stood in August 2026.
TEST(MachineTypes, CostAboutWhatTheListSays) {
  const auto dollars = [](const char* name, const char* zone) {
    const auto type = FindMachineType(name, zone);
    return type ? type->dollars_an_hour : -1;
  };
  EXPECT_NEAR(dollars("e2-standard-2", "us-central1-a"), 0.0670, 0.0005);
  EXPECT_NEAR(dollars("e2-highmem-2", "europe-west1-b"), 0.0994, 0.0005);
  EXPECT_NEAR(dollars("e2-highmem-2", "asia-northeast1-a"), 0.1159, 0.0010);
  EXPECT_NEAR(dollars("e2-medium", "us-east1-c"), 0.0335, 0.0005);
  EXPECT_NEAR(dollars("n1-standard-1", "us-west1-a"), 0.0475, 0.0005);
  EXPECT_NEAR(dollars("n2-standard-8", "europe-west1-d"), 249.0 / 584, 0.01)
      << "the calculator's month has a sustained-use discount of a fifth";
  EXPECT_EQ(dollars("e2-small", "moon-west1-a"), 0) << "known, but not its price there";
}

TEST(MachineTypes, HaveTheSizeThatTheirNameSays) {
  const auto type = FindMachineType("n1-standard-4", "us-central1-a");
  ASSERT_TRUE(type);
  EXPECT_EQ(type->vcpus, 4);
  EXPECT_EQ(type->memory_gib, 15);
  EXPECT_EQ(FindMachineType("n2d-highmem-8", "us-central1-a")->memory_gib, 64);
  EXPECT_EQ(FindMachineType("e2-small", "us-central1-a")->memory_gib, 2);
}

TEST(MachineTypes, ThatAreNotKnownAreNotGuessed) {
  for (const char* other : {"a2-highgpu-1g", "e2-standard-3", "e2-ultra-2", "n1-custom-2-4096",
                            "c3-standard-4", "e2", "e2-standard-", "n1-standard-4x", ""}) {
    EXPECT_FALSE(FindMachineType(other, "us-central1-a")) << other;
  }
}

}  // namespace
}  // namespace busker::cloud
