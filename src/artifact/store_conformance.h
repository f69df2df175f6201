// What every artifact store must do, as tests (store_conformance_test.cc). For tests only.
//
// A back end plugs in, in a file of its own, with a function that opens an empty store, called once
// per test:
//
//   INSTANTIATE_TEST_SUITE_P(Directory, StoreConformance, testing::Values(&OpenEmptyDirectory));
//
// and is finished when all of it passes. `Reopen` hands a second client of the same store, as
// another process would have it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "artifact/clearable_store.h"
#include "artifact/version.h"
#include "io/test_folder.h"

namespace busker::artifact {

// An empty store that lives as long as this.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual std::unique_ptr<Store> Reopen() = 0;
};
using OpenEmptyStore = std::unique_ptr<StoreUnderTest> (*)();

class StoreConformance : public testing::TestWithParam<OpenEmptyStore> {
 protected:
  using Keys = std::vector<std::string>;

  // Of a version that a run is about to publish.
  static Manifest Facts(const VersionName& name) {
    Manifest manifest;
    manifest.name = name;
    manifest.run = "20190801-000000-abc123";
    manifest.task = "training";
    manifest.attempt = 1;
    manifest.scheduled_at = manifest.saved_at = ParseRfc3339("2019-08-01T00:00:00Z").value();
    manifest.data_date = "2019-08-01";
    manifest.runner_version = "0.1.0";
    return manifest;
  }

  std::unique_ptr<StoreUnderTest> under_test_ = GetParam()();
  std::unique_ptr<Store> store_ = under_test_->Reopen();
  ClearableStore* const clearable_ = dynamic_cast<ClearableStore*>(store_.get());
  const io::TestFolder folder_;
};

}  // namespace busker::artifact
