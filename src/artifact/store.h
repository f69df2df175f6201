// PORT: where artifacts are kept. Keys are '/'-separated names below one root; values are files.
//
// A back end promises, and store_conformance_test.cc checks: what a Put, Create or Replace
// acknowledged is durable; a value is seen whole or not at all, by any process; keys that are no
// plain relative path (empty, absolute, with "." or ".." or empty parts) are refused as kInvalid,
// never followed. Calls may come from any thread, and from several processes at once.
//
// Every call ends by its interrupt, within a second or so of it: kTimedOut when its deadline has
// passed, kTemporary when it was to stop, and then nothing is claimed. Of a write that was
// interrupted, or whose store did not answer, it is not known whether it was carried out. What may
// pass (a network that is down, a store that is busy) is tried again until then; a store that
// refuses us is kFailed, and the message says what to do.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/digest.h"
#include "io/interrupt.h"

namespace busker::artifact {

// What files are, by their paths with '/' below one prefix or folder.
using FileDigests = std::map<std::string, io::FileDigest>;

class Store {
 public:
  virtual ~Store() = default;

  // Where this is, as OpenStore takes it: "file:///srv/artifacts", "gs://bucket/prefix".
  virtual std::string Url() const = 0;

  // Where the value under `key` is, as others who can read there take it, such as a warehouse that
  // loads in place: "gs://bucket/prefix/key".
  virtual Result<std::string> UrlOf(const std::string& key) const = 0;

  // Stores the file `from` under `key`, in place of what was there; returns the digest of the bytes
  // stored. A full disk is kTemporary and leaves nothing under a new key. A file that changes
  // meanwhile is stored as it was at one moment, or not.
  virtual Result<io::FileDigest> PutFile(const std::string& key, const io::fs::path& from,
                                         const io::Interrupt& interrupt) = 0;

  // The same of many: each of `files`, a path below `folder`, under `prefix` + "/" + that path, in
  // no order, many at once where that is quicker. On an error some may be stored.
  virtual Result<FileDigests> PutFiles(const std::string& prefix, const io::fs::path& folder,
                                       std::span<const std::string> files,
                                       const io::Interrupt& interrupt) = 0;

  // Stores a small text under `key`, in place of what was there.
  virtual Result<void> PutText(const std::string& key, const std::string& text,
                               const io::Interrupt& interrupt) = 0;

  // The same only when nothing is there; false when something is.
  virtual Result<bool> CreateText(const std::string& key, const std::string& text,
                                  const io::Interrupt& interrupt) = 0;

  // The same only when what is there equals `expected` (nullopt: nothing is there); false when it
  // does not. Two callers with one `expected` never both get true.
  virtual Result<bool> ReplaceText(const std::string& key,
                                   const std::optional<std::string>& expected,
                                   const std::string& text, const io::Interrupt& interrupt) = 0;

  // Copies the value to the new file `to`, not synced, with its folders; returns the digest of
  // what was written. Nothing under `key` is kNotFound. On an error nothing is left at `to`.
  virtual Result<io::FileDigest> GetFile(const std::string& key, const io::fs::path& to,
                                         const io::Interrupt& interrupt) = 0;

  // The same of many: each of `files` from below `prefix` + "/" to below `folder`. The message of
  // kNotFound names the key. On an error none of them is left.
  virtual Result<FileDigests> GetFiles(const std::string& prefix,
                                       std::span<const std::string> files,
                                       const io::fs::path& folder,
                                       const io::Interrupt& interrupt) = 0;

  // The digest of the value, all of which is read.
  virtual Result<io::FileDigest> Digest(const std::string& key, const io::Interrupt& interrupt) = 0;

  // Are the values below `prefix` + "/" what `files` says? As far as can be told without sending
  // them over a network: a store elsewhere is asked for their sizes and checksums, one that is here
  // reads them. The first that is not is kUnusable, or kNotFound when it is gone; the message names
  // the key.
  virtual Result<void> Verify(const std::string& prefix, const FileDigests& files,
                              const io::Interrupt& interrupt) = 0;

  // The value, at most `bytes_max` long (more is kInvalid). Nothing under `key` is kNotFound.
  virtual Result<std::string> GetText(const std::string& key, const io::Interrupt& interrupt,
                                      std::uint64_t bytes_max = 16u << 20) = 0;

  // The same of many small ones, many at once where that is quicker, each with an error of its own.
  virtual std::vector<Result<std::string>> GetTexts(std::span<const std::string> keys,
                                                    const io::Interrupt& interrupt,
                                                    std::uint64_t bytes_max = 16u << 20) = 0;

  // All keys below `prefix` + "/", sorted; none is an empty list, not an error.
  virtual Result<std::vector<std::string>> List(const std::string& prefix,
                                                const io::Interrupt& interrupt) = 0;

  // The names right below `prefix` + "/" that have keys below them, sorted.
  virtual Result<std::vector<std::string>> ListFolders(const std::string& prefix,
                                                       const io::Interrupt& interrupt) = 0;

  // Removes every key below `prefix` + "/". Nothing there is fine. A store elsewhere may be seen
  // with some of them gone already.
  virtual Result<void> RemoveAll(const std::string& prefix, const io::Interrupt& interrupt) = 0;

  // A local path that reads the value under `key`: the file itself where the store is a local
  // folder, else a copy in `folder`. The caller does not write to it.
  virtual Result<io::fs::path> LocalPath(const std::string& key, const io::fs::path& folder,
                                         const io::Interrupt& interrupt) = 0;
};

// Opens a store by its URL; another scheme is kInvalid and the message says which ones there are.
//
// - "file:///absolute/folder", created when missing.
// - "gs://BUCKET" or "gs://BUCKET/PREFIX", a bucket that is there (gcs_store.h). Nothing is asked
//   of it yet.
Result<std::unique_ptr<Store>> OpenStore(const std::string& url);

// kInvalid as OpenStore has it: by the URL alone, without looking at anything.
Result<void> CheckStoreUrl(const std::string& url);

// The variables of the environment that stores look at: who starts a program that opens one hands
// them on. No value of them is a secret.
std::span<const char* const> StoreVariables();

// By when a store has to have answered, from now on, by who waits for it.
io::Interrupt ForAnswer(std::stop_token stop = {});    // a page, or a verb that only reads: 10 s
io::Interrupt ForDecision(std::stop_token stop = {});  // what a run will do, what is live: 1 min
io::Interrupt ForFiles(std::stop_token stop = {});     // whole versions that go or are read: a day

}  // namespace busker::artifact
