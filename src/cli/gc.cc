#include "cli/gc.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "artifact/rests.h"
#include "attempt/runner_copy.h"
#include "base/bytes.h"
#include "base/plural.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "home/place.h"

namespace busker::cli {
namespace {

// What goes, or would.
struct Litter {
  std::vector<artifact::Rest> rests;
  std::vector<artifact::Written> runners;  // copies of busker-runner
  std::vector<std::string> unfinished;     // paths
};

std::uint64_t BytesOf(const artifact::Rest& rest) {
  std::uint64_t bytes = 0;
  for (const artifact::Written& file : rest.files) bytes += file.size_bytes;
  return bytes;
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
  PrintJson({{"versions", rests}, {"runners", runners}, {"unfinished", litter.unfinished}});
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
  PrintLine(fmt::format("{}, {}, {}and {} {}",
                        Plural(litter.rests.size(), "version that was never published",
                               "versions that were never published"),
                        FormatBytes(bytes), runners,
                        Plural(litter.unfinished.size(), "unfinished file"),
                        dry_run ? "would be removed" : "removed"));
}

}  // namespace

Result<int> Gc(const Common& common, const GcOptions& options) {
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  Litter litter;
  const std::string& url = workspace.places.store_url;
  const bool is_elsewhere = home::NameOfPlace(url, workspace.home.folder) == url;
  if (is_elsewhere || HasHome(workspace.home)) {
    TRY_ASSIGN(const auto store, artifact::OpenClearableStore(url));
    TRY_ASSIGN(litter, Clear(*store, workspace.service.name, options.dry_run));
  }
  if (common.json) {
    PrintFacts(litter);
    return 0;
  }
  PrintForPeople(litter, options.dry_run);
  return 0;
}

}  // namespace busker::cli
