#include "image/packages.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>

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
constexpr std::uint64_t kLogBytesMax = 64u << 20;

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

tl::unexpected<Error> NoWheel(const std::string& requirement, const Wheels& wheels,
                              const std::string& words = "") {
  return Invalid(fmt::format(
      "{} has no wheel for Python {} on linux/{}{}, and an image that Busker writes itself holds "
      "wheels alone; with a container/Dockerfile that installs it, busker build uses Docker or "
      "Podman",
      Printable(requirement), wheels.python, wheels.architecture, words));
}

// "Scikit_Learn>=1" -> "scikit-learn", as it is in an index.
std::string NameInIndex(std::string_view requirement) {
  std::string name;
  for (const char c : requirement.substr(0, requirement.find_first_of(" =<>!~;[(@"))) {
    const bool is_mark = c == '-' || c == '_' || c == '.';
    if (is_mark && name.ends_with('-')) continue;
    name += is_mark ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

// What pip's log has of an index that did not give the package's page; empty: nothing.
std::string FetchFault(const std::string& log, const std::string& requirement) {
  constexpr std::string_view kFault = "Could not fetch URL ", kEnd = " - skipping";
  const std::string page = "/" + NameInIndex(requirement) + "/:";
  std::string fault;
  for (const std::string& line : Split(log, '\n')) {
    const std::size_t at = line.find(kFault);
    if (at == std::string::npos || line.find(page) == std::string::npos) continue;
    fault = line.substr(at + kFault.size());
    if (fault.ends_with(kEnd)) fault.resize(fault.size() - kEnd.size());
  }
  return Printable(fault);
}

// pip says of a name that does not exist, of an index that it cannot reach and of a package without
// wheels the same; its log has more.
tl::unexpected<Error> Explain(const io::Captured& said, const std::string& log,
                              const Wheels& wheels) {
  constexpr std::string_view kNone = "No matching distribution found for ";
  constexpr std::string_view kVersions = "(from versions: ";
  const std::string words = WordsOf(said.errors);
  const std::size_t at = words.find(kNone);
  if (at == std::string::npos) {
    return Failed(fmt::format("pip ended with exit code {}: {}", said.exit_code, words));
  }
  const std::string requirement(Trim(words.substr(at + kNone.size())));
  const std::size_t versions = said.errors.find(kVersions);
  if (versions != std::string::npos &&
      said.errors.substr(versions + kVersions.size(), 4) != "none") {
    const std::size_t end = said.errors.find(')', versions);
    return NoWheel(requirement, wheels,
                   " " + Printable(said.errors.substr(versions, end + 1 - versions)));
  }
  const std::string fault = FetchFault(log, requirement);
  if (fault.empty()) return NoWheel(requirement, wheels);
  if (fault.find(": 404 ") != std::string::npos) {
    return Invalid(fmt::format(
        "the index of packages has no {}; is its name right in the requirements? pip says: {}",
        Printable(requirement), fault));
  }
  return Temporary(fmt::format("pip cannot reach the index of packages for {}; {}",
                               Printable(requirement), fault));
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
  const std::string log = to.string() + ".log";
  io::Command command{{python, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile",
                       "--disable-pip-version-check", "--root-user-action=ignore",
                       "--no-warn-script-location", "--only-binary=:all:", "--implementation", "cp",
                       "--python-version", wheels.python, "--log", log, "--target", to.string()},
                      environment,
                      {}};
  for (const std::string& platform : PlatformsOf(wheels.architecture)) {
    command.arguments.insert(command.arguments.end(), {"--platform", platform});
  }
  for (const fs::path& file : requirements.files) {
    command.arguments.insert(command.arguments.end(), {"-r", file.string()});
  }
  TRY(io::CheckStillWanted(interrupt));
  const auto said = io::RunAndCapture(command, kPipLimit, 4u << 20, {}, interrupt.stop);
  const std::string logged = io::ReadFile(log, kLogBytesMax).value_or("");
  std::error_code ignored;
  fs::remove(log, ignored);
  if (!said) return tl::unexpected(said.error());
  if (said->exit_code != 0) return Explain(*said, logged, wheels);
  return PackagesTree(to, wheels.python);
}

}  // namespace busker::image
