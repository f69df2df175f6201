// SQLite's records sit the exam: in memory what one opener can do, in a file all of it.
#include "record/raw_file.h"
#include "record/record_conformance.h"

namespace busker::record {
namespace {

class InMemory : public RecordUnderTest {
 public:
  Result<std::unique_ptr<Record>> Open() override { return OpenSqliteRecord(":memory:", true); }
  bool Tamper(const std::string&) override { return false; }  // nobody else can open it
  void UnlockEvents() override {}
};

class InFile : public RecordUnderTest {
 public:
  Result<std::unique_ptr<Record>> Open() override { return OpenSqliteRecord(folder_.File(), true); }
  bool Tamper(const std::string& sql) override { return RawFile(folder_.File()).Try(sql); }
  void UnlockEvents() override {
    RawFile(folder_.File()).Run("DROP TRIGGER events_only_grow; DROP TRIGGER events_stay");
  }

 private:
  const RecordFolder folder_;
};

template <typename Place>
std::unique_ptr<RecordUnderTest> Make() {
  return std::make_unique<Place>();
}

INSTANTIATE_TEST_SUITE_P(InMemory, RecordConformance, testing::Values(&Make<InMemory>));
INSTANTIATE_TEST_SUITE_P(InFile, RecordConformance, testing::Values(&Make<InFile>));
INSTANTIATE_TEST_SUITE_P(InFile, SharedRecordConformance, testing::Values(&Make<InFile>));
INSTANTIATE_TEST_SUITE_P(InFile, CheckConformance, testing::Values(&Make<InFile>));

}  // namespace
}  // namespace busker::record
