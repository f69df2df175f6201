// A value as Cloud Storage knows it, out of and into the JSON of its API (v1, objects resource).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/digest.h"

namespace busker::artifact {

struct GcsObject {
  std::string name;
  std::uint64_t generation = 0;  // another for each time that it was written
  std::uint64_t size_bytes = 0;
  Instant written_at{};  // by the bucket's clock; Instant::max(): that was not told
  std::string crc32c;    // as the API writes it
  std::string sha256;    // as who wrote it said; empty: somebody else wrote it
  std::string writer;    // a word that names one write; the same
};

struct GcsPage {
  std::vector<GcsObject> objects;
  std::vector<std::string> prefixes;
  std::string next;  // the token of the next page; empty: there is none
};

// What `fields` of a call asks for: no more than is read here.
inline constexpr char kGcsObjectFields[] = "name,generation,size,timeCreated,crc32c,metadata";

// kTemporary for a body that is none of it: an answer that was cut, or not the API's.
Result<GcsObject> GcsObjectIn(const std::string& json);
Result<GcsPage> GcsPageIn(const std::string& json);

// The resource that goes before the bytes.
std::string GcsResource(const std::string& name, const io::FileDigest& digest,
                        const std::string& type, const std::string& writer);

// Base64 of the big-endian bytes.
std::string GcsCrc32c(std::uint32_t crc32c);

// What of these is another than `digest` says, in a few words; empty: nothing is.
std::string DifferenceOf(const GcsObject& object, const io::FileDigest& digest);

}  // namespace busker::artifact
