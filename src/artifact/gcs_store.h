// The artifact store in a bucket of Google Cloud Storage: a key is an object's name, behind a
// prefix.
#pragma once

#include <memory>
#include <string>

#include "artifact/gcs_upload.h"
#include "artifact/store.h"
#include "cloud/retry.h"

namespace busker::artifact {

struct GcsPlace {
  std::string bucket;
  std::string prefix;  // a key; empty: the bucket is the store's alone
};

struct GcsSettings {
  GcsUploadSizes sizes;
  std::size_t connections_max = 16;  // and as many threads, of a call with many files
  cloud::RetryPolicy retry;
};

// "gs://BUCKET", "gs://BUCKET/PREFIX". kInvalid: it is none.
Result<GcsPlace> ParseGcsUrl(const std::string& url);
Result<void> CheckGcsUrl(const std::string& url);  // the same, naming the URL

// As whoever cloud/google_access.h finds in the environment; errors are its. The bucket is not
// made.
//
// Objects are written under a condition on their generation, with their CRC-32C, which the store
// checks before anybody sees them, and their SHA-256 as metadata; what is read is checked by the
// store's CRC-32C. Objects of others whose names are no keys are not listed. A folder that was made
// by hand, an object "folder/", counts for ListFolders.
Result<std::unique_ptr<Store>> OpenGcsStore(const std::string& url,
                                            const GcsSettings& settings = {});
Result<std::unique_ptr<Store>> OpenGcsUrl(const std::string& url);

}  // namespace busker::artifact
