// A store in a bucket of the strict server. For tests only; for .cc files only.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <string>

#include "artifact/gcs_store.h"
#include "artifact/store_conformance.h"
#include "artifact/strict_gcs.h"
#include "io/test_folder.h"

namespace busker::artifact {

// Small, so that small files go by sessions, too, and pauses are short.
inline GcsSettings QuickGcsSettings() {
  GcsSettings settings;
  settings.sizes = {1u << 20, 256u << 10};
  settings.retry = {Milliseconds(2), Milliseconds(20), Milliseconds(20'000)};
  return settings;
}

inline std::unique_ptr<Store> OpenAt(const StrictGcs& server, const GcsSettings& settings) {
  setenv("STORAGE_EMULATOR_HOST", server.Url().c_str(), 1);
  auto store = OpenGcsStore("gs://bucket/some/prefix", settings);
  unsetenv("STORAGE_EMULATOR_HOST");
  EXPECT_TRUE(store) << store.error().message;
  return *std::move(store);
}

class BucketUnderTest : public StoreUnderTest {
 public:
  ~BucketUnderTest() override { EXPECT_EQ(server_.violations(), std::vector<std::string>()); }
  std::unique_ptr<Store> Reopen() override { return OpenAt(server_, QuickGcsSettings()); }

 private:
  StrictGcs server_{3};
};

}  // namespace busker::artifact
