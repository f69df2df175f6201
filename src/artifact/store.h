// PORT: where artifacts are kept. Keys are '/'-separated names below one root; values are files.
//
// A back end promises, and store_conformance.h checks: what a Put, Create or Replace acknowledged
// is durable; a value is seen whole or not at all, by any process; keys that are no plain relative
// path (empty, absolute, with "." or ".." or empty parts) are refused as kInvalid, never followed.
// Calls may come from any thread, and from several processes at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/digest.h"

namespace busker::artifact {

class Store {
 public:
  virtual ~Store() = default;

  // Where this is, as OpenStore takes it: "file:///srv/artifacts".
  virtual std::string Url() const = 0;

  // Stores the file `from` under `key`, in place of what was there; returns the digest of the bytes
  // stored. A full disk is kTemporary and leaves nothing under a new key.
  virtual Result<io::FileDigest> PutFile(const std::string& key, const io::fs::path& from) = 0;

  // Stores a small text under `key`, in place of what was there.
  virtual Result<void> PutText(const std::string& key, const std::string& text) = 0;

  // The same only when nothing is there; false when something is.
  virtual Result<bool> CreateText(const std::string& key, const std::string& text) = 0;

  // The same only when what is there equals `expected` (nullopt: nothing is there); false when it
  // does not. Two callers with one `expected` never both get true.
  virtual Result<bool> ReplaceText(const std::string& key,
                                   const std::optional<std::string>& expected,
                                   const std::string& text) = 0;

  // Copies the value to the new file `to`, durably, creating its folders; returns the digest of
  // what was written. Nothing under `key` is kNotFound.
  virtual Result<io::FileDigest> GetFile(const std::string& key, const io::fs::path& to) = 0;

  // The digest of the value, without copying it.
  virtual Result<io::FileDigest> Digest(const std::string& key) = 0;

  // The value, at most `bytes_max` long (more is kInvalid). Nothing under `key` is kNotFound.
  virtual Result<std::string> GetText(const std::string& key,
                                      std::uint64_t bytes_max = 16u << 20) = 0;

  // All keys below `prefix` + "/", sorted; none is an empty list, not an error.
  virtual Result<std::vector<std::string>> List(const std::string& prefix) = 0;

  // The names right below `prefix` + "/" that have keys below them, sorted.
  virtual Result<std::vector<std::string>> ListFolders(const std::string& prefix) = 0;

  // Removes every key below `prefix` + "/". Nothing there is fine.
  virtual Result<void> RemoveAll(const std::string& prefix) = 0;

  // A local path that reads the value under `key`: the file itself where the store is a local
  // folder, else a copy in `folder`. The caller does not write to it.
  virtual Result<io::fs::path> LocalPath(const std::string& key, const io::fs::path& folder) = 0;
};

// Opens "file:///absolute/folder" (created when missing). Another scheme is kInvalid and the
// message says which ones there are.
Result<std::unique_ptr<Store>> OpenStore(const std::string& url);

}  // namespace busker::artifact
