#include "cli/gc.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "artifact/rests.h"
#include "attempt/runner_copy.h"
#include "base/bytes.h"
#include "base/plural.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/old_versions.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "home/place.h"

namespace busker::cli {
namespace {

// What goes, or would.
struct Litter {
  OldVersions old;
  std::vector<artifact::Rest> rests;
  std::vector<artifact::Written> runners;  // copies of busker-runner
  std::vector<std::string> unfinished;     // paths
};

std::uint64_t BytesOf(const artifact::Rest& rest) {
  std::uint64_t bytes = 0;
  for (const artifact::Written& file : rest.files) bytes += file.size_bytes;
  return bytes;
}

std::uint64_t BytesOf(const artifact::Manifest& version) {
  std::uint64_t bytes = 0;
  for (const auto& [_, digest] : version.files) bytes += digest.size_bytes;
  return bytes;
}

std::vector<artifact::Manifest> ManifestsOf(const std::vector<artifact::Retirement>& retired) {
  std::vector<artifact::Manifest> manifests;
  for (const artifact::Retirement& one : retired) manifests.push_back(one.manifest);
  return manifests;
}

nlohmann::ordered_json DescribeVersions(const std::vector<artifact::Manifest>& versions) {
  auto all = nlohmann::ordered_json::array();
  for (const artifact::Manifest& version : versions) {
    all.push_back({{"version", version.name.Key()},
                   {"saved_at", FormatRfc3339(version.saved_at)},
                   {"files", version.files.size()},
                   {"size_bytes", BytesOf(version)}});
  }
  return all;
}

// A rest that became a version meanwhile stays, and is left out.
Result<Litter> Clear(artifact::ClearableStore& store, const std::string& service, bool dry_run) {
  const io::Interrupt limit = artifact::ForFiles();
  const Instant now = Now();
  TRY_ASSIGN(artifact::Rests found, artifact::FindRests(store, service, now, limit));
  Litter litter;
  for (artifact::Rest& rest : found.rests) {
    bool is_gone = true;
    if (!dry_run) {
      TRY_ASSIGN(is_gone, artifact::RemoveRest(store, rest, limit));
    }
    if (is_gone) litter.rests.push_back(std::move(rest));
  }
  TRY_ASSIGN(litter.runners, attempt::FindOldRunners(store, now, limit));
  if (!dry_run) {
    TRY(store.Remove(found.old_removals, limit));
    TRY(store.Remove(litter.runners, limit));
  }
  TRY_ASSIGN(litter.unfinished, store.Unfinished(now - artifact::kRestAge, !dry_run, limit));
  return litter;
}

void PrintFacts(const Litter& litter) {
  auto rests = nlohmann::ordered_json::array();
  for (const artifact::Rest& rest : litter.rests) {
    rests.push_back({{"version", rest.name.Key()},
                     {"written_at", FormatRfc3339(rest.written_at)},
                     {"files", rest.files.size()},
                     {"size_bytes", BytesOf(rest)}});
  }
  auto runners = nlohmann::ordered_json::array();
  for (const artifact::Written& copy : litter.runners) {
    runners.push_back({{"key", copy.key},
                       {"written_at", FormatRfc3339(copy.at)},
                       {"size_bytes", copy.size_bytes}});
  }
  PrintJson({{"versions", rests},
             {"runners", runners},
             {"unfinished", litter.unfinished},
             {"retired", DescribeVersions(litter.old.retired)},
             {"removed", DescribeVersions(ManifestsOf(litter.old.removed))},
             {"returned", DescribeVersions(ManifestsOf(litter.old.returned))},
             {"waiting", DescribeVersions(ManifestsOf(litter.old.waiting))}});
}

// A table of them, and then a sentence, but for none.
void PrintVersions(const char* heading, const std::vector<artifact::Manifest>& versions,
                   std::string_view what_of_them) {
  if (versions.empty()) return;
  std::uint64_t bytes = 0;
  std::vector<std::vector<std::string>> rows;
  for (const artifact::Manifest& version : versions) {
    bytes += BytesOf(version);
    rows.push_back({version.name.Key(), FormatRfc3339(version.saved_at),
                    std::to_string(version.files.size()), FormatBytes(BytesOf(version))});
  }
  Print(Table({{heading}, {"SAVED"}, {"FILES", true}, {"SIZE", true}}, rows));
  PrintLine(fmt::format("{}, {}, {}", Plural(versions.size(), "version"), FormatBytes(bytes),
                        what_of_them));
}

void PrintOldVersions(const OldVersions& old, bool dry_run) {
  PrintVersions("REMOVED", ManifestsOf(old.removed), dry_run ? "would be removed" : "removed");
  PrintVersions("NEEDED AGAIN", ManifestsOf(old.returned),
                dry_run ? "would no longer be retired" : "no longer retired");
  PrintVersions("RETIRED", old.retired,
                dry_run ? "would be retired"
                        : "retired; busker gc removes them a day from now or later, and until then "
                          "busker gc --take-back VERSION makes one a version again");
  PrintVersions("RETIRED BEFORE", ManifestsOf(old.waiting), "retired less than a day ago");
}

void PrintForPeople(const Litter& litter, bool dry_run) {
  std::uint64_t bytes = 0;
  std::vector<std::vector<std::string>> rows;
  for (const artifact::Rest& rest : litter.rests) {
    bytes += BytesOf(rest);
    rows.push_back({rest.name.Key(), FormatRfc3339(rest.written_at),
                    std::to_string(rest.files.size()), FormatBytes(BytesOf(rest))});
  }
  if (!rows.empty()) {
    Print(Table({{"NEVER PUBLISHED"}, {"LAST WRITTEN"}, {"FILES", true}, {"SIZE", true}}, rows));
  }
  std::uint64_t runner_bytes = 0;
  for (const artifact::Written& copy : litter.runners) {
    runner_bytes += copy.size_bytes;
    PrintLine(fmt::format("busker-runner: {}, {}, written at {}", copy.key,
                          FormatBytes(copy.size_bytes), FormatRfc3339(copy.at)));
  }
  for (const std::string& path : litter.unfinished) PrintLine("unfinished: " + Printable(path));
  std::string runners;
  if (!litter.runners.empty()) {
    runners = fmt::format(
        "{}, {}, ",
        Plural(litter.runners.size(), "copy of busker-runner", "copies of busker-runner"),
        FormatBytes(runner_bytes));
  }
  PrintOldVersions(litter.old, dry_run);
  PrintLine(fmt::format("{}, {}, {}and {} {}",
                        Plural(litter.rests.size(), "version that was never published",
                               "versions that were never published"),
                        FormatBytes(bytes), runners,
                        Plural(litter.unfinished.size(), "unfinished file"),
                        dry_run ? "would be removed" : "removed"));
}

Result<int> TakeBack(const Common& common, const Workspace& workspace, artifact::Store& store,
                     const std::string& version) {
  TRY_ASSIGN(const auto back, TakeBackVersion(common, workspace, store, version));
  if (common.json) {
    PrintJson(DescribeVersions({back.manifest}).front());
  } else {
    PrintLine(back.manifest.name.Key() + " is a version again");
  }
  return 0;
}

}  // namespace

Result<int> Gc(const Common& common, const GcOptions& options) {
  if (options.older_than) TRY(ParseDuration(*options.older_than));
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  Litter litter;
  const std::string& url = workspace.places.store_url;
  const bool is_elsewhere = home::NameOfPlace(url, workspace.home.folder) == url;
  if (is_elsewhere || HasHome(workspace.home)) {
    TRY_ASSIGN(const auto store, artifact::OpenClearableStore(url));
    if (options.take_back) return TakeBack(common, workspace, *store, *options.take_back);
    TRY_ASSIGN(OldVersions old, ClearOldVersions(common, workspace, *store, options));
    TRY_ASSIGN(litter, Clear(*store, workspace.service.name, options.dry_run));
    litter.old = std::move(old);
  } else if (options.take_back) {
    return NotFound("nothing was ever run here, so no version is retired");
  }
  if (common.json) {
    PrintFacts(litter);
    return 0;
  }
  PrintForPeople(litter, options.dry_run);
  return 0;
}

}  // namespace busker::cli
