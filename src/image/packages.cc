#include "image/packages.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "image/programs.h"
#include "io/digest.h"
#include "io/subprocess.h"

namespace busker::image {
namespace {

namespace fs = io::fs;

constexpr int kFormat = 1;  // of the tree: another one makes other layers
constexpr std::chrono::hours kPipLimit{2};
constexpr std::uint64_t kRecordBytesMax = 64u << 20;
constexpr std::uint64_t kScriptBytesMax = 1u << 20;

// The C library of Python's own images is 2.36 and later; wheels for older ones run there, too.
std::vector<std::string> PlatformsOf(const std::string& architecture) {
  const std::string machine = architecture == "amd64"   ? "x86_64"
                              : architecture == "arm64" ? "aarch64"
                                                        : architecture;
  std::vector<std::string> platforms;
  for (int minor = 36; minor >= 17; --minor) {
    platforms.push_back(fmt::format("manylinux_2_{}_{}", minor, machine));
  }
  platforms.push_back("manylinux2014_" + machine);
  platforms.push_back("linux_" + machine);
  return platforms;
}

// The last of pip's lines that say what is wrong.
std::string WordsOf(const std::string& errors) {
  std::string words, last;
  for (const std::string& line : Split(errors, '\n')) {
    if (!Trim(line).empty()) last = Trim(line);
    if (line.starts_with("ERROR: ")) words = line.substr(7);
  }
  return Printable(words.empty() ? last : words);
}

tl::unexpected<Error> NoWheel(const std::string& requirement, const Wheels& wheels) {
  return Invalid(fmt::format(
      "{} has no wheel for Python {} on linux/{}, and an image that Busker writes itself holds "
      "wheels alone; with a container/Dockerfile that installs it, busker build uses Docker or "
      "Podman",
      Printable(requirement), wheels.python, wheels.architecture));
}

tl::unexpected<Error> Explain(const io::Captured& said, const Wheels& wheels) {
  constexpr std::string_view kNone = "No matching distribution found for ";
  const std::string words = WordsOf(said.errors);
  if (const std::size_t at = words.find(kNone); at != std::string::npos) {
    // An index that cannot be reached has no wheels either; pip says that in another line.
    const bool is_away = said.errors.find("connection broken by") != std::string::npos;
    if (is_away) return Temporary("pip cannot reach the index of packages; " + words);
    return NoWheel(std::string(Trim(words.substr(at + kNone.size()))), wheels);
  }
  return Failed(fmt::format("pip ended with exit code {}: {}", said.exit_code, words));
}

// A program's first line names the Python that installed it, which is not there in the image.
Result<Entry> ScriptOf(const fs::path& file) {
  Entry entry{Entry::Kind::kFile, true, file, ""};
  const auto text = io::ReadFile(file, kScriptBytesMax);
  if (!text || !text->starts_with("#!")) return entry;
  const std::size_t end = text->find('\n');
  if (text->substr(0, end).find("python") == std::string::npos) return entry;
  entry.source.clear();
  entry.text = "#!/usr/bin/env python3" + (end == std::string::npos ? "" : text->substr(end));
  return entry;
}

// The list of a package's files, without the digests of programs, whose first line is another now.
Result<Entry> RecordOf(const fs::path& file) {
  TRY_ASSIGN(const std::string text, io::ReadFile(file, kRecordBytesMax));
  Entry entry{Entry::Kind::kFile, false, {}, ""};
  for (const std::string& line : Split(text, '\n')) {
    if (line.empty()) continue;
    const std::string path = line.substr(0, line.find(','));
    const bool is_program = path.starts_with("../../bin/") || path.starts_with("bin/");
    if (path.ends_with(".pyc")) continue;
    entry.text +=
        is_program ? "../../../bin/" + path.substr(path.rfind('/') + 1) + ",,\n" : line + "\n";
  }
  return entry;
}

}  // namespace

std::string PackagesKey(const Requirements& requirements, const Wheels& wheels) {
  return io::Sha256Of(fmt::format("packages {}\n{}\n{}\n{}", kFormat, wheels.python,
                                  wheels.architecture, requirements.text));
}

Result<Tree> PackagesTree(const fs::path& folder, const std::string& python) {
  const std::string library = "usr/local/lib/python" + python;
  const std::string packages = library + "/site-packages/";
  Tree tree;
  TRY_ASSIGN(const std::vector<std::string> files, io::ListFiles(folder));
  for (const std::string& path : files) {
    if (path.ends_with(".pyc")) continue;
    std::error_code error;
    fs::path file = folder / path;
    if (fs::is_symlink(file, error)) file = fs::canonical(file, error);  // within it, too
    if (error) return SystemError("find " + (folder / path).string(), error.value());
    const bool is_program = path.starts_with("bin/");
    const bool is_record = path.ends_with(".dist-info/RECORD");
    const std::string inside = is_program ? "usr/local/" + path : packages + path;
    Entry entry{Entry::Kind::kFile, false, file, ""};
    if (is_program) {
      TRY_ASSIGN(entry, ScriptOf(file));
    } else if (is_record) {
      TRY_ASSIGN(entry, RecordOf(file));
    } else {
      const auto mode = fs::status(file, error).permissions();
      entry.is_executable = (mode & fs::perms::owner_exec) != fs::perms::none;
    }
    AddFoldersAbove(tree, inside);
    tree[inside] = std::move(entry);
  }
  // Debian's Python looks in dist-packages, and reads there where else to look.
  const std::string pointer = library + "/dist-packages/site-packages.pth";
  AddFoldersAbove(tree, pointer);
  tree[pointer] = {
      Entry::Kind::kFile, false, {}, "/usr/local/lib/python" + python + "/site-packages\n"};
  return tree;
}

Result<Tree> InstallPackages(const Requirements& requirements, const Wheels& wheels,
                             const fs::path& to, const std::vector<std::string>& environment,
                             const io::Interrupt& interrupt) {
  if (!requirements.others.empty()) return NoWheel(requirements.others.front(), wheels);
  std::string python;
  for (const char* const name : {"python3", "python", "/usr/bin/python3"}) {
    if (python.empty() && Works({name, "-m", "pip", "--version"}, environment)) python = name;
  }
  if (python.empty()) {
    return NotFound(
        "putting packages into an image needs pip, and no python3 here has it; install "
        "python3-pip, or write a container/Dockerfile");
  }
  io::Command command{{python, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile",
                       "--disable-pip-version-check", "--root-user-action=ignore",
                       "--no-warn-script-location", "--only-binary=:all:", "--implementation", "cp",
                       "--python-version", wheels.python, "--target", to.string()},
                      environment,
                      {}};
  for (const std::string& platform : PlatformsOf(wheels.architecture)) {
    command.arguments.insert(command.arguments.end(), {"--platform", platform});
  }
  for (const fs::path& file : requirements.files) {
    command.arguments.insert(command.arguments.end(), {"-r", file.string()});
  }
  TRY(io::CheckStillWanted(interrupt));
  TRY_ASSIGN(const io::Captured said,
             io::RunAndCapture(command, kPipLimit, 4u << 20, {}, interrupt.stop));
  if (said.exit_code != 0) return Explain(said, wheels);
  return PackagesTree(to, wheels.python);
}

}  // namespace busker::image
