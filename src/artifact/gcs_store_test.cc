#include "artifact/gcs_store.h"

#include "artifact/gcs_fixture.h"
#include "artifact/store_conformance.h"

namespace busker::artifact {
namespace {

// Pages of three, so that every list has several.
INSTANTIATE_TEST_SUITE_P(Gcs, StoreConformance, testing::Values([] {
                           return std::unique_ptr<StoreUnderTest>(
                               std::make_unique<BucketUnderTest>());
                         }));

// At a server of another's making, where the environment says that there is one with the bucket
// "bucket" (tests/cloud_test.py): a prefix of its own for each test.
class Foreign : public StoreUnderTest {
 public:
  std::unique_ptr<Store> Reopen() override {
    setenv("STORAGE_EMULATOR_HOST", getenv(kForeignPlace), 1);
    auto store = OpenGcsStore("gs://bucket/" + folder_.path().filename().string());
    unsetenv("STORAGE_EMULATOR_HOST");
    return *std::move(store);
  }
  static constexpr char kForeignPlace[] = "BUSKER_FOREIGN_GCS";

 private:
  const io::TestFolder folder_;  // for its name, which no other has
};

std::vector<OpenEmptyStore> ForeignStores() {
  if (getenv(Foreign::kForeignPlace) == nullptr) return {};
  return {[]() -> std::unique_ptr<StoreUnderTest> { return std::make_unique<Foreign>(); }};
}

INSTANTIATE_TEST_SUITE_P(ForeignGcs, StoreConformance, testing::ValuesIn(ForeignStores()));

TEST(GcsUrl, NamesABucketAndAPrefix) {
  const auto parsed = [](const std::string& url) {
    const auto place = ParseGcsUrl(url);
    return place ? place->bucket + " " + place->prefix : "no";
  };
  EXPECT_EQ(parsed("gs://my-bucket"), "my-bucket ");
  EXPECT_EQ(parsed("gs://my-bucket/"), "my-bucket ");
  EXPECT_EQ(parsed("gs://my.bucket_1/a/b/"), "my.bucket_1 a/b");
  for (const char* bad : {"gs://", "gs://a", "gs:///a", "gs://A_Bucket", "gs://bucket/../x",
                          "gs://bucket//x", "gs://bucket?x", "gs://-bucket", "s3://bucket"}) {
    EXPECT_EQ(parsed(bad), "no") << bad;
  }
}

}  // namespace
}  // namespace busker::artifact
