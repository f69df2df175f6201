// An artifact version: what one run saved, under NAME/VERSION/ACTION/TIMESTAMP/ with a manifest.
//
// The manifest is written last and makes the version exist: files without one are no version, and
// are seen, listed and loaded by nobody. A version never changes once it exists.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "artifact/store.h"
#include "base/time.h"

namespace busker::artifact {

struct VersionName {
  std::string service;          // NAME
  std::string service_version;  // VERSION
  std::string action;           // ACTION
  std::string timestamp;        // TIMESTAMP, like 20190801T000000Z

  std::string Key() const;  // "NAME/VERSION/ACTION/TIMESTAMP"
  auto operator<=>(const VersionName&) const = default;
};
Result<VersionName> ParseVersionName(const std::string& key);

// What a Python program could import when it began.
struct Environment {
  std::string python;                           // "3.11.2"; "3.11" where no more is known
  std::map<std::string, std::string> packages;  // name -> version: {"numpy", "2.4.6"}
  std::string sha256;                           // over all of it: the same, the same environment

  bool operator==(const Environment&) const = default;
};

struct Manifest {
  VersionName name;
  FileDigests files;                    // by path within the version
  std::set<std::string> executables;    // those of `files` that may be executed
  std::set<std::string> empty_folders;  // below the version, as `files`
  std::string run;                      // who made it: run, task and attempt
  std::string task;
  int attempt = 0;
  Instant scheduled_at{};  // the data date, as an instant
  std::string data_date;   // the same as a date in the schedule's zone: 2019-08-01
  std::vector<std::string> command;
  std::string source_commit;  // git commit of the code: of source/ where that is a repository of
                              // its own, else the folder's; "-dirty" behind; or empty
  std::string folder_commit;  // the same of the service's folder
  std::string config_sha256;  // of the config file as the program saw it; or empty
  std::optional<Environment> environment;  // none: the program is none in Python
  std::optional<std::string> input;        // key of the version that was loaded first
  std::map<std::string, double> metrics;   // metrics.json, when the action wrote one
  // Of the container that the command ran in, by digest or the engine's id
  // (REPOSITORY@sha256:...); empty: it ran in none.
  std::string image;
  std::string runner_version;
  Instant saved_at{};
};

std::string ManifestToJson(const Manifest& manifest);
Result<Manifest> ManifestFromJson(const std::string& text);

// The flat object of numbers that a training may write as metrics.json. Anything else is kInvalid.
Result<std::map<std::string, double>> ParseMetrics(const std::string& json);

// Its JSON is at most that long, or nothing could read it any more.
inline constexpr std::uint64_t kManifestBytesMax = 16u << 20;

// Saves what is in `folder` (artifact/file_tree.h) as version `manifest.name`: each file, then the
// manifest. What it holds, and `metrics` from metrics.json when that is there, are filled in; files
// that are as they were in `input` (the version that was loaded before the action, or an empty one)
// are not saved again, nor are its empty folders. Rests of an earlier try are overwritten. A
// version that already exists is kInvalid and stays as it is, as is one whose manifest could not be
// read again. An empty folder is allowed. Returns the manifest as written.
Result<Manifest> Publish(Store& store, const io::fs::path& folder, Manifest manifest,
                         const Manifest& input, const io::Interrupt& interrupt);

struct Retirement;  // artifact/retirement.h

// kNotFound when there is no manifest, or the version was retired;
// kUnusable when it cannot be read.
Result<Manifest> ReadManifest(Store& store, const VersionName& name,
                              const io::Interrupt& interrupt);

// The same, also of a version that was retired, whose files may be gone.
Result<Manifest> RecallManifest(Store& store, const VersionName& name,
                                const io::Interrupt& interrupt);

// Copies all files of the version into `folder` (created; must not hold a file of the same name),
// checks each against the manifest, and makes its empty folders; a wrong digest is kUnusable, names
// the file, and leaves no file.
Result<void> Load(Store& store, const Manifest& manifest, const io::fs::path& folder,
                  const io::Interrupt& interrupt);

// Compares every file with the manifest, as far as the store can tell (Store::Verify); the first
// fault is kUnusable.
Result<void> Verify(Store& store, const Manifest& manifest, const io::Interrupt& interrupt);

// The same, and reads all of it, wherever it is.
Result<void> VerifyByReading(Store& store, const Manifest& manifest,
                             const io::Interrupt& interrupt);

// Whole versions, oldest first. `action` empty: of all actions. A manifest that cannot be read is
// left out and named in `unreadable`, when given; what was retired is in `retired`, when given.
Result<std::vector<Manifest>> ListVersions(Store& store, const std::string& service,
                                           const std::string& service_version,
                                           const std::string& action,
                                           const io::Interrupt& interrupt,
                                           std::vector<std::string>* unreadable = nullptr,
                                           std::vector<Retirement>* retired = nullptr);

}  // namespace busker::artifact
