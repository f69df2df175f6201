#include "cloud/endpoint.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace busker::cloud {
namespace {

std::string StorageAt(const char* place) {
  setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", place, 1);
  const auto endpoint = EndpointOf(GoogleApi::kStorage, "googleapis.com");
  unsetenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE");
  if (endpoint) return *endpoint;
  EXPECT_EQ(endpoint.error().kind, ErrorKind::kUnusable);
  return endpoint.error().message;
}

TEST(Endpoint, IsInItsUniverse) {
  EXPECT_EQ(EndpointOf(GoogleApi::kStorage, "googleapis.com").value(),
            "https://storage.googleapis.com");
  EXPECT_EQ(EndpointOf(GoogleApi::kBigQuery, "example.cloud").value(),
            "https://bigquery.example.cloud");
}

TEST(Endpoint, IsWhatGcloudsVariableNames) {
  EXPECT_EQ(StorageAt("https://storage-x.p.googleapis.com/storage/v1/"),
            "https://storage-x.p.googleapis.com");
  EXPECT_EQ(StorageAt("http://127.0.0.1:4443/"), "http://127.0.0.1:4443");
  EXPECT_EQ(StorageAt("https://gate.example.com/google/storage/v1"),
            "https://gate.example.com/google");
  EXPECT_EQ(StorageAt(""), "https://storage.googleapis.com");
}

// A token that goes in the clear is everybody's.
TEST(Endpoint, IsInTheClearOnThisMachineAlone) {
  for (const char* place : {"http://example.com", "http://127.0.0.1@example.com", "http://10.0.0.1",
                            "http://127.0.0.1.example.com"}) {
    EXPECT_EQ(StorageAt(place),
              "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: http:// goes no further than this machine "
              "(127.0.0.1, ::1); write https://");
  }
  EXPECT_NE(StorageAt("storage.example.com").find("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"),
            std::string::npos);
  EXPECT_TRUE(CheckEndpoint("http://[::1]:80/x"));
  EXPECT_TRUE(CheckEndpoint("https://example.com"));
}

}  // namespace
}  // namespace busker::cloud
