#include "runner/saving.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include "artifact/file_tree.h"
#include "base/text.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

// "output/ holds a, b and 3 more"
std::string ContentsOf(const fs::path& output) {
  constexpr std::size_t kNamed = 10;
  auto tree = artifact::ListTree(output);
  if (!tree) return tree.error().message;
  std::vector<std::string> names = std::move(tree->files);
  if (names.empty()) return "output/ holds no files";
  const std::size_t more = names.size() > kNamed ? names.size() - kNamed : 0;
  names.resize(names.size() - more);
  for (std::string& name : names) name = Printable(name);
  return "output/ holds " + Join(names, ", ") + (more > 0 ? fmt::format(" and {} more", more) : "");
}

Result<void> CheckRequired(const fs::path& output, const std::string& file,
                           const WorkingFolder& made) {
  struct stat info {};
  if (stat((output / file).c_str(), &info) != 0) {
    return Failed(fmt::format("the command left no output/{}; {}", file, ContentsOf(output)));
  }
  if (!S_ISREG(info.st_mode)) return Failed(fmt::format("output/{} is not a file", file));
  if (info.st_size == 0) return Failed(fmt::format("output/{} is empty (0 bytes)", file));
  const auto loaded = made.changed_ns.find(file);
  if (loaded != made.changed_ns.end() && loaded->second == ChangedNs(output / file)) {
    return Failed(fmt::format(
        "output/{} is still the one that was loaded with the input; the command did not write it",
        file));
  }
  return {};
}

artifact::Manifest FactsOf(const attempt::Order& order, const artifact::VersionName& name,
                           const WorkingFolder& made, Instant saved_at) {
  artifact::Manifest manifest;
  manifest.name = name;
  manifest.run = order.run;
  manifest.task = order.task;
  manifest.attempt = order.number;
  manifest.scheduled_at = order.scheduled_at;
  manifest.data_date = order.data_date;
  manifest.command = order.command;
  manifest.source_commit = made.commits.source;
  manifest.folder_commit = made.commits.folder;
  manifest.config_sha256 = made.config_sha256;
  manifest.environment = made.environment;
  manifest.input = order.input;
  manifest.image = order.image;
  manifest.runner_version = BUSKER_VERSION;
  manifest.saved_at = saved_at;
  return manifest;
}

}  // namespace

Result<artifact::Manifest> SaveOutput(const attempt::Order& order, artifact::Store& store,
                                      const fs::path& work, const WorkingFolder& made,
                                      Instant saved_at, const io::Interrupt& interrupt) {
  const fs::path output = work / kOutputFolder;
  TRY(CheckStillThere(made, work));
  for (const std::string& file : order.required_outputs) TRY(CheckRequired(output, file, made));
  TRY_ASSIGN(const artifact::VersionName name, artifact::ParseVersionName(*order.output));
  // What was asked for is always saved, also when it turned out the same as what was loaded.
  artifact::Manifest input = made.input;
  for (const std::string& file : order.required_outputs) input.files.erase(file);
  return artifact::Publish(store, output, FactsOf(order, name, made, saved_at), input, interrupt);
}

void NoteOutput(const artifact::Manifest& manifest, attempt::ExitRecord& record) {
  record.output = manifest.name.Key();
  record.output_files = manifest.files.size();
  record.output_bytes = 0;
  for (const auto& [_, digest] : manifest.files) record.output_bytes += digest.size_bytes;
}

Result<std::optional<artifact::Manifest>> FindOwnOutput(const attempt::Order& order,
                                                        artifact::Store& store,
                                                        const io::Interrupt& interrupt) {
  TRY_ASSIGN(const artifact::VersionName name, artifact::ParseVersionName(*order.output));
  auto manifest = artifact::ReadManifest(store, name, interrupt);
  if (!manifest && manifest.error().kind == ErrorKind::kNotFound) return std::nullopt;
  TRY(manifest);
  const bool own = manifest->run == order.run && manifest->task == order.task &&
                   manifest->attempt == order.number;
  return own ? std::optional(std::move(*manifest)) : std::nullopt;
}

}  // namespace busker::runner
