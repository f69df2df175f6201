#include "attempt/runner_environment.h"

#include <gtest/gtest.h>

namespace busker::attempt {
namespace {

// A runner began with no environment at all, and could reach no store that asks who it is.
TEST(RunnerEnvironment, IsWhatAStoreIsReachedBy) {
  const std::vector<std::string> own = {"PATH=/usr/bin",
                                        "GOOGLE_APPLICATION_CREDENTIALS=/etc/key.json",
                                        "CLOUDSDK_CONFIG=/etc/gcloud",
                                        "HOME=/home/ann",
                                        "SECRET=hush",
                                        "https_proxy=http://proxy:3128",
                                        "HTTP_PROXY=http://attacker",
                                        "STORAGE_EMULATOR_HOST=127.0.0.1:1",
                                        "STORAGE_EMULATOR_HOSTS=x",
                                        ""};
  EXPECT_EQ(
      RunnerEnvironment(own),
      (std::vector<std::string>{
          "GOOGLE_APPLICATION_CREDENTIALS=/etc/key.json", "CLOUDSDK_CONFIG=/etc/gcloud",
          "HOME=/home/ann", "https_proxy=http://proxy:3128", "STORAGE_EMULATOR_HOST=127.0.0.1:1"}));
}

}  // namespace
}  // namespace busker::attempt
