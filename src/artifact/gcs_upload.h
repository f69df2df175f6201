// One write of an object to Cloud Storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "artifact/gcs_bucket.h"
#include "artifact/gcs_content.h"

namespace busker::artifact {

// What is larger than that goes by a session, in chunks; what is not goes in one request. Chunks
// are long: each waits for an answer, and of one that breaks off the service keeps what came.
struct GcsUploadSizes {
  std::uint64_t in_one_max_bytes = 8u << 20;
  std::uint64_t chunk_bytes = 1u << 30;  // a multiple of 256 KiB
};

// Writes the object when its generation is the `expected` one (0: there is none). nullopt: it is
// not, and nothing was written. Its bytes are checked by the store before it is seen, and by what
// the store says of it afterwards.
//
// Each write has a word of its own, which is stored with the object. When it is not known whether a
// try was carried out and the next is told that the condition does not hold, the word tells whether
// that is our own doing. A session is asked how far it came before anything is sent again.
Result<std::optional<GcsObject>> WriteGcsObject(GcsBucket& bucket, const std::string& name,
                                                const GcsContent& content, std::uint64_t expected,
                                                const GcsUploadSizes& sizes,
                                                const io::Interrupt& interrupt);

}  // namespace busker::artifact
