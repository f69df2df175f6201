// What the artifact store does for a run, as a process of its own, for storage_bench.
//
//   store_cost save URL FOLDER VERSION             the folder as a version: its files, then the
//   manifest store_cost again URL FOLDER VERSION            its files once more, all of which are
//   there store_cost unchanged URL FOLDER INPUT VERSION  as a version of which all was loaded from
//   INPUT store_cost load URL FOLDER VERSION             the version's files into the new folder
//
// VERSION and INPUT are timestamps, such as 20190801T000000Z.
#include <fmt/core.h>

#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "artifact/file_tree.h"
#include "artifact/version.h"

namespace {

using namespace busker;
using Words = std::span<const std::string>;

artifact::VersionName NameOf(const std::string& timestamp) {
  return {"bench", "1", "training", timestamp};
}

artifact::Manifest ManifestOf(const std::string& timestamp) {
  artifact::Manifest manifest;
  manifest.name = NameOf(timestamp);
  manifest.run = "bench";
  manifest.task = "training";
  manifest.attempt = 1;
  manifest.data_date = "2019-08-01";
  manifest.command = {"bench"};
  manifest.runner_version = "bench";
  return manifest;
}

Result<void> Carry(Words words) {
  const std::string &verb = words[0], &folder = words[2];
  TRY_ASSIGN(const auto store, artifact::OpenStore(words[1]));
  const io::Interrupt limit = artifact::ForFiles();
  if (verb == "save") {
    return artifact::Publish(*store, folder, ManifestOf(words[3]), {}, limit).map([](auto) {});
  }
  if (verb == "again") {
    TRY_ASSIGN(const artifact::FileTree tree, artifact::ListTree(folder));
    return store->PutFiles(NameOf(words[3]).Key(), folder, tree.files, limit).map([](auto) {});
  }
  TRY_ASSIGN(const auto manifest, artifact::ReadManifest(*store, NameOf(words[3]), limit));
  if (verb == "load") return artifact::Load(*store, manifest, folder, limit);
  return artifact::Publish(*store, folder, ManifestOf(words[4]), manifest, limit).map([](auto) {});
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool is_unchanged = !words.empty() && words[0] == "unchanged";
  if (words.size() != (is_unchanged ? 5U : 4U)) {
    std::fputs(
        "store_cost save|again|load URL FOLDER VERSION, or unchanged URL FOLDER INPUT VERSION\n",
        stderr);
    return 2;
  }
  const auto done = Carry(words);
  if (!done) fmt::print(stderr, "store_cost: {}\n", done.error().message);
  return done ? 0 : 1;
}
