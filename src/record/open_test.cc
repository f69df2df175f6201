#include "record/open.h"

#include "record/raw_file.h"
#include "record/record_fixture.h"

namespace busker::record {
namespace {

TEST_F(RecordFile, IsOpenedByItsUrl) {
  const std::string url = "sqlite://" + path_.string();
  EXPECT_EQ(OpenRecord(url).error().kind, ErrorKind::kNotFound);
  {
    const auto record = OpenRecord(url, {true, true});
    ASSERT_TRUE(record) << record.error().message;
    LiveThrough(**record, "r1");
    EXPECT_GE(std::filesystem::file_size(path_.string() + "-wal"), 4'000'000U);
  }
  EXPECT_TRUE(OpenRecord(url).value()->FindRun("r1"));
}

TEST_F(RecordFile, OfAnUnknownSchemeIsRefusedAndSaysWhatThereIs) {
  for (const std::string url :
       {"mysql://someone:password@host/busker", "sqlite://busker.db", "/srv/busker.db", ""}) {
    SCOPED_TRACE(url);
    const auto opened = OpenRecord(url, {true, false});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(opened.error().message.find("sqlite:///FILE"), std::string::npos);
    EXPECT_EQ(opened.error().message.find("password"), std::string::npos);
  }
}

}  // namespace
}  // namespace busker::record
