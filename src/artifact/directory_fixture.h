// A store in a folder of its own. For tests only; for .cc files only.
#pragma once

#include <memory>

#include "artifact/store_conformance.h"
#include "io/test_folder.h"

namespace busker::artifact {

class DirectoryUnderTest : public StoreUnderTest {
 public:
  std::unique_ptr<Store> Reopen() override {
    return OpenStore("file://" + (folder_ / "store").string()).value();
  }

 private:
  const io::TestFolder folder_;
};

}  // namespace busker::artifact
