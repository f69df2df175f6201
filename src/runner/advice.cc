#include "runner/advice.h"

#include <string_view>
#include <vector>

namespace busker::runner {
namespace {

namespace fs = io::fs;

bool IsThere(const fs::path& path) {
  std::error_code error;  // what cannot be looked at is not there
  return fs::exists(path, error);
}

// "prediction", of "No module named 'prediction.main'"; empty: it is not said.
std::string MissingModule(const std::string& failure) {
  constexpr std::string_view kSaid = "No module named ";
  const auto at = failure.rfind(kSaid);
  if (at == std::string::npos) return "";
  const auto begin = failure.find_first_not_of("'\"", at + kSaid.size());
  if (begin == std::string::npos) return "";
  const auto end = failure.find_first_of(".'\"; \n", begin);
  return failure.substr(begin, end == std::string::npos ? end : end - begin);
}

// The service's own code is in no requirements.txt.
bool IsOwn(const fs::path& root, const std::string& module) {
  if (module == "prediction") return true;
  for (const fs::path& folder : {root / "source", root}) {
    if (!module.empty() && (IsThere(folder / module) || IsThere(folder / (module + ".py")))) {
      return true;
    }
  }
  return false;
}

// Whether the .venv was made by busker build after the last change of the requirements: what it has
// not, they do not name.
bool IsUpToDate(const fs::path& root) {
  std::error_code error;
  const auto made = fs::last_write_time(root / ".venv/busker-requirements.sha256", error);
  if (error) return false;
  for (const char* const name : {"requirements.txt", "source/requirements.txt"}) {
    const auto changed = fs::last_write_time(root / name, error);
    if (!error && changed > made) return false;
  }
  return true;
}

}  // namespace

std::string AdviceOn(const fs::path& root, const std::string& failure, bool is_in_image) {
  if (root.empty() || !IsThere(root / "requirements.txt")) return "";
  const auto says = [&](std::string_view words) { return failure.find(words) != failure.npos; };
  const bool no_python = says("there is no program python");
  const bool no_module = says("ModuleNotFoundError") || says("No module named");
  if (!no_python && !no_module && !says("ImportError")) return "";
  const std::string module = MissingModule(failure);
  if (no_module && IsOwn(root, module)) return "";
  if (is_in_image) return "busker build makes an image that has what requirements.txt names";
  if (no_python && IsThere(root / ".venv")) return "";
  if (IsUpToDate(root)) {
    if (!no_module || module.empty()) return "";
    return "the .venv has what requirements.txt names; add the package of " + module +
           " there, and busker build --target local installs it";
  }
  return "in the service's folder, busker build --target local makes what it needs";
}

std::string WhereItIs(const fs::path& output) {
  if (!IsThere(output)) return "";
  // HOME/runs/RUN/TASK.N/work/output: the server's paths above the home are nobody's business.
  fs::path shown;
  fs::path rest = output;
  for (int part = 0; part < 6; ++part) {
    shown = rest.filename() / shown;
    rest = rest.parent_path();
  }
  return "; what the program left is in " + shown.parent_path().string();
}

}  // namespace busker::runner
