// What a back end of the record brings to its exam (record_conformance.h). For tests only.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "record/record_fixture.h"

namespace busker::record {

// An empty record that lives as long as this.
class RecordUnderTest {
 public:
  virtual ~RecordUnderTest() = default;
  // An opener of it, as another process would be. Where nothing but the opener keeps the record
  // (one in memory), each has one of its own.
  virtual Result<std::unique_ptr<Record>> Open() = 0;
  // Carries out SQL behind Busker's back, on tables and columns as in schema.h, whose rows need not
  // belong to each other any more; false: it was refused. Only of what can be opened more than
  // once.
  virtual bool Tamper(const std::string& sql) = 0;
  // From now on events can be changed and removed.
  virtual void UnlockEvents() = 0;
};
using MakeRecord = std::unique_ptr<RecordUnderTest> (*)();

// One opener of a record.
class RecordConformance : public testing::TestWithParam<MakeRecord> {
 protected:
  using enum plan::State;
  using Strings = std::vector<std::string>;

  void SetUp() override { BeginAnew(); }

  // Another record, as empty as the first.
  void BeginAnew() {
    record_.reset();
    place_ = GetParam()();
    record_ = Open();
  }

  std::unique_ptr<Record> Open() {
    auto opened = place_->Open();
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }

  std::unique_ptr<RecordUnderTest> place_;
  std::unique_ptr<Record> record_;
};

// Several openers of one record, at once or one after the other.
class SharedRecordConformance : public RecordConformance {
 protected:
  // All have closed it, and one opens it again.
  void Reopen() {
    record_.reset();
    record_ = Open();
  }
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RecordConformance);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedRecordConformance);

}  // namespace busker::record
