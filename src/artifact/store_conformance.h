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

  std::unique_ptr<StoreUnderTest> under_test_ = GetParam()();
  std::unique_ptr<Store> store_ = under_test_->Reopen();
  ClearableStore* const clearable_ = dynamic_cast<ClearableStore*>(store_.get());
  const io::TestFolder folder_;
};

}  // namespace busker::artifact
