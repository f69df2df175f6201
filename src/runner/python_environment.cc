#include "runner/python_environment.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "io/digest.h"
#include "runner/launch.h"

namespace busker::runner {
namespace {

namespace fs = io::fs;

constexpr std::size_t kEntriesMax = 20'000;  // of all folders together
constexpr std::size_t kPackagesMax = 5'000;
constexpr std::uint64_t kSettingsBytesMax = 64 * 1024;
constexpr std::string_view kPython = "python";

std::string VariableIn(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

bool IsInterpreter(const fs::path& program) {
  return program.filename().string().starts_with(kPython);
}

// The words behind "#!"; none: it is no script.
std::vector<std::string> FirstLineOf(const fs::path& program) {
  char bytes[256];
  const auto file = io::Open(program, O_RDONLY | O_NONBLOCK);
  const ssize_t count = file ? ::read(file->get(), bytes, sizeof bytes) : 0;
  std::string_view text(bytes, static_cast<std::size_t>(std::max<ssize_t>(0, count)));
  if (!text.starts_with("#!")) return {};
  text = text.substr(2, text.find('\n') - 2);
  std::vector<std::string> words = Split(text, ' ');
  std::erase_if(words, [](const std::string& word) { return Trim(word).empty(); });
  return words;
}

// The interpreter that the command starts, as it is called; empty: none.
fs::path InterpreterOf(const std::vector<std::string>& command,
                       const std::vector<std::string>& environment, const fs::path& folder) {
  const auto found = FindCommand(command.front(), environment, folder);
  if (!found) return {};
  fs::path program = folder / *found;
  if (IsInterpreter(program)) return program;
  std::vector<std::string> words = FirstLineOf(program);
  if (words.empty()) return {};
  if (fs::path(words.front()).filename() == "env") {
    words.erase(words.begin());
    std::erase_if(words, [](const std::string& word) { return word.starts_with('-'); });
    if (words.empty() || !IsInterpreter(words.front())) return {};
    const auto named = FindCommand(words.front(), environment, folder);
    return named ? folder / *named : fs::path();
  }
  return IsInterpreter(words.front()) ? fs::path(words.front()) : fs::path();
}

// The value of a line "KEY = VALUE".
std::string SettingIn(const std::string& text, std::string_view key) {
  for (const std::string& line : Split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || Trim(line.substr(0, equals)) != key) continue;
    return std::string(Trim(line.substr(equals + 1)));
  }
  return {};
}

// "3.11.7" of "3.11.7.final.0".
std::string NumbersOf(const std::string& version) {
  std::vector<std::string> numbers;
  for (const std::string& part : Split(version, '.')) {
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    if (!number || numbers.size() == 3) break;
    numbers.push_back(part);
  }
  return Join(numbers, ".");
}

class Search {
 public:
  // What has been found already stays.
  void Add(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (++entries_ > kEntriesMax || packages_.size() >= kPackagesMax) return;
      AddPackage(entry->path().filename().string());
    }
  }

  // Of each Python below `lib`, "python3.11/site-packages" for one.
  void AddAllIn(const fs::path& lib, std::string& version) {
    std::error_code error;
    std::vector<fs::path> found;
    fs::directory_iterator entry(lib, error);
    for (; !error && entry != fs::directory_iterator() && ++entries_ <= kEntriesMax;
         entry.increment(error)) {
      if (entry->path().filename().string().starts_with(kPython)) found.push_back(entry->path());
    }
    std::sort(found.begin(), found.end());
    for (const fs::path& one : found) {
      std::error_code ignored;
      if (!fs::is_directory(one / "site-packages", ignored)) continue;
      if (version.empty()) version = NumbersOf(one.filename().string().substr(kPython.size()));
      Add(one / "site-packages");
    }
  }

  std::map<std::string, std::string> Take() { return std::move(packages_); }

 private:
  // NAME-VERSION.dist-info; of Debian also NAME-VERSION.egg-info, with "-py3" behind it or not.
  void AddPackage(std::string entry) {
    constexpr std::string_view kNew = ".dist-info", kOld = ".egg-info", kPy = "-py";
    if (entry.ends_with(kNew)) {
      entry.erase(entry.size() - kNew.size());
    } else if (entry.ends_with(kOld)) {
      entry.erase(entry.size() - kOld.size());
      if (const auto py = entry.rfind(kPy); py != std::string::npos && py > entry.find('-')) {
        entry.erase(py);
      }
    } else {
      return;
    }
    const std::size_t dash = entry.rfind('-');
    const bool whole = dash != std::string::npos && dash > 0 && dash + 1 < entry.size() &&
                       entry.front() != '~' && IsUtf8(entry);  // "~": pip has not finished it
    if (whole) packages_.emplace(NameOf(entry.substr(0, dash)), entry.substr(dash + 1));
  }

  static std::string NameOf(const std::string& written) {
    std::string name;
    for (const char c : LowerCase(written)) {
      const bool between = c == '-' || c == '_' || c == '.';
      if (between && name.ends_with('-')) continue;
      name += between ? '-' : c;
    }
    return name;
  }

  std::map<std::string, std::string> packages_;
  std::size_t entries_ = 0;
};

// The version in the name of the interpreter, behind all links: "3.11" of /usr/bin/python3.11.
std::string VersionInName(const fs::path& interpreter) {
  const std::string version = NumbersOf(interpreter.filename().string().substr(kPython.size()));
  return version.find('.') == std::string::npos ? "" : version;
}

// Where it came with headers, they know the version whole.
std::string VersionInHeaders(const fs::path& prefix, const std::string& version) {
  const fs::path header = prefix / "include" / (std::string(kPython) + version) / "patchlevel.h";
  const auto text = io::ReadFile(header, kSettingsBytesMax);
  constexpr std::string_view kDefine = "#define PY_VERSION";
  for (const std::string& line : Split(text.value_or(""), '\n')) {
    if (!line.starts_with(kDefine)) continue;
    if (const auto parts = Split(line, '"'); parts.size() == 3) return NumbersOf(parts[1]);
  }
  return {};
}

// Of an interpreter that belongs to no virtual environment.
void AddSystem(const fs::path& interpreter, const std::vector<std::string>& environment,
               Search& search, std::string& python) {
  std::error_code error;
  const fs::path real = fs::canonical(interpreter, error);
  if (error || !IsInterpreter(real)) return;
  const fs::path prefix = real.parent_path().parent_path();
  std::string version = VersionInName(real);
  const std::string name = std::string(kPython) + version;
  const std::string home = VariableIn(environment, "HOME");
  if (!home.empty() && VariableIn(environment, "PYTHONNOUSERSITE").empty()) {
    search.Add(fs::path(home) / ".local/lib" / name / "site-packages");
  }
  if (version.empty()) {
    search.AddAllIn(prefix / "lib", version);
  } else {
    search.Add(prefix / "lib" / name / "site-packages");
  }
  if (prefix == "/usr") {  // Debian's own
    search.Add(fs::path("/usr/local/lib") / name / "dist-packages");
    search.Add("/usr/lib/python3/dist-packages");
  }
  if (!python.empty()) return;
  python = VersionInHeaders(prefix, version);
  if (python.empty()) python = version;
}

// As SHA256(`pip freeze`), with the version of Python before it.
std::string DigestOf(const artifact::Environment& environment) {
  std::string lines = fmt::format("{}=={}\n", kPython, environment.python);
  for (const auto& [name, version] : environment.packages) {
    lines += fmt::format("{}=={}\n", name, version);
  }
  return io::Sha256Of(lines);
}

}  // namespace

std::optional<artifact::Environment> FindPythonEnvironment(
    const std::vector<std::string>& command, const std::vector<std::string>& environment,
    const fs::path& folder) {
  const fs::path interpreter = InterpreterOf(command, environment, folder);
  if (interpreter.empty()) return std::nullopt;
  artifact::Environment found;
  Search search;
  for (const std::string& part : Split(VariableIn(environment, "PYTHONPATH"), ':')) {
    if (!part.empty()) search.Add(folder / part);
  }
  const fs::path prefix = interpreter.parent_path().parent_path();
  const auto settings = io::ReadFile(prefix / "pyvenv.cfg", kSettingsBytesMax);
  if (settings) {
    found.python = NumbersOf(SettingIn(*settings, "version"));
    if (found.python.empty()) found.python = NumbersOf(SettingIn(*settings, "version_info"));
    search.AddAllIn(prefix / "lib", found.python);
  }
  if (!settings || SettingIn(*settings, "include-system-site-packages") == "true") {
    AddSystem(interpreter, environment, search, found.python);
  }
  // What stands where an interpreter would is none: a script that chooses one when it is started.
  if (found.python.empty()) return std::nullopt;
  found.packages = search.Take();
  found.sha256 = DigestOf(found);
  return found;
}

}  // namespace busker::runner
