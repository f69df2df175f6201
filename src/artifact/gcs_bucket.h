// A bucket of Cloud Storage by its JSON API v1 (cloud.google.com/storage/docs/json_api/v1), object
// by object.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "artifact/gcs_object.h"
#include "base/result.h"
#include "cloud/google_access.h"
#include "cloud/google_client.h"

namespace busker::artifact {

// Where the bytes of an object go.
struct GcsReceiver {
  std::function<Result<void>(std::string_view part)> take;
  std::function<Result<void>()> restart;  // all that was taken is void
};

// Any thread, and many at once.
class GcsBucket {
 public:
  GcsBucket(std::string name, cloud::GoogleAccess access, const cloud::RetryPolicy& policy);

  const std::string& name() const { return name_; }
  cloud::GoogleClient& client() { return client_; }

  // nullopt: there is no such object. That there is no such bucket is an error (kFailed).
  Result<std::optional<GcsObject>> Find(const std::string& object, const io::Interrupt& interrupt);

  struct Text {
    std::string text;
    std::uint64_t generation = 0;  // 0: it was not told
  };
  // The same with the bytes. kInvalid: there are more than `bytes_max`.
  Result<std::optional<Text>> ReadText(const std::string& object, std::uint64_t bytes_max,
                                       const io::Interrupt& interrupt);

  // All bytes of the object, as it was when it was found, checked by its CRC-32C; what was cut off
  // is gone on with. nullopt: it is gone, or another is in its place. Errors of the receiver are
  // what is returned.
  Result<std::optional<io::FileDigest>> Read(const GcsObject& object, const GcsReceiver& receiver,
                                             const io::Interrupt& interrupt);

  // The objects whose names begin with `prefix`, up to 1000; by groups: what those that have a '/'
  // behind it have in common up to there is one of the prefixes. `page`: the one before's `next`.
  Result<GcsPage> List(const std::string& prefix, bool by_groups, const std::string& page,
                       const io::Interrupt& interrupt);

  // Unless it is gone already, or another is in its place.
  Result<void> Remove(const GcsObject& object, const io::Interrupt& interrupt);

  // The URL of a call that makes an object; what its query has besides goes behind.
  std::string UploadUrl() const;

  // Of an answer that nobody expects.
  Error Fault(const io::HttpResponse& response) const;
  std::string Place() const;  // for messages

 private:
  std::string UrlOf(const std::string& object) const;
  Result<bool> IsThere(const io::HttpResponse& response) const;
  Result<std::optional<io::FileDigest>> ReadOnce(const GcsObject& object,
                                                 const GcsReceiver& receiver,
                                                 const io::Interrupt& interrupt);

  const std::string name_, endpoint_;
  cloud::GoogleClient client_;
};

}  // namespace busker::artifact
