// busker predict: predictions of a file, without a server.
#include <fmt/core.h>

#include <unistd.h>
#include <cstdio>

#include "base/text.h"
#include "cli/print.h"
#include "cli/versions.h"
#include "io/temporary_folder.h"
#include "online/answer.h"
#include "online/tabular.h"
#include "predict/loaded_version.h"

namespace busker::cli {
namespace {

constexpr std::uint64_t kInputBytesMax = 256u << 20;
constexpr std::size_t kRowsMax = 1'000'000;

Result<std::string> ReadInput(const std::string& file) {
  if (file != "-") return io::ReadFile(file, kInputBytesMax);
  std::string text;
  char bytes[64 << 10];
  for (;;) {
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0) return SystemError("read the standard input", errno);
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > kInputBytesMax) {
      return Invalid(fmt::format("the standard input has more than {} bytes", kInputBytesMax));
    }
    text.append(bytes, static_cast<std::size_t>(count));
  }
}

Result<artifact::Manifest> VersionFor(const Workspace& workspace, const std::string& text) {
  TRY_ASSIGN(const Versions versions, ReadVersions(workspace));
  if (text.empty() && !versions.live) {
    return NotFound("no version is live; busker promote VERSION makes one live");
  }
  TRY_ASSIGN(const artifact::VersionName name,
             text.empty() ? Result<artifact::VersionName>(versions.live->now.version)
                          : FindVersion(workspace, versions, text));
  return artifact::ReadManifest(*versions.store, name, artifact::ForDecision());
}

Result<std::shared_ptr<const predict::LoadedVersion>> Load(const Workspace& workspace,
                                                           const artifact::Manifest& manifest) {
  TRY_ASSIGN(const auto store, artifact::OpenStore(workspace.places.store_url));
  TRY_ASSIGN(const auto folder, io::TemporaryFolder::Make("busker-predict"));
  return predict::LoadVersion(*store, manifest, folder.path(), artifact::ForFiles());
}

// A list of instances, an object that holds one as a server takes it, or CSV.
Result<online::Tabular> ReadInstancesOf(std::string_view text, bool is_csv,
                                        predict::InstanceReader& reader) {
  text = online::WithoutMark(text);
  const std::string_view trimmed = Trim(text);
  if (is_csv || (!trimmed.starts_with('{') && !trimmed.starts_with('['))) {
    return online::ReadCsv(text, true, reader);
  }
  if (trimmed.starts_with('{')) return online::ReadTabular(text, online::Forms::kMlflow, reader);
  predict::JsonPull json(text);
  online::Tabular tabular;
  TRY_ASSIGN(tabular.rows, reader.ReadRows(json));
  if (!json.AtEnd()) return tl::unexpected(predict::FaultOfJson(json));
  return tabular;
}

}  // namespace

Result<int> Predict(const Common& common, const PredictOptions& options) {
  const std::string version = options.words.size() > 1 ? options.words.front() : "";
  const std::string& file = options.words.back();
  TRY_ASSIGN(const Workspace workspace, OpenWorkspace(common));
  TRY_ASSIGN(const artifact::Manifest manifest, VersionFor(workspace, version));
  TRY_ASSIGN(const auto loaded, Load(workspace, manifest));
  TRY_ASSIGN(const std::string text, ReadInput(file));
  predict::InstanceReader reader(loaded->signature, kRowsMax);
  auto asked = ReadInstancesOf(text, file.ends_with(".csv"), reader);
  if (!asked) return Wrap(file == "-" ? "the standard input" : file, asked.error());
  TRY_ASSIGN(const auto values, online::Predict(*loaded, asked->rows));
  Print("{\"predictions\": " + online::RowsAsJson(loaded->signature, values) +
        ", \"model_version\": \"" + online::NameOf(*loaded) + "\"}\n");
  return 0;
}

}  // namespace busker::cli
