// busker new: a project that runs, to put one's own model into.
#include <fmt/core.h>

#include "base/text.h"
#include "cli/print.h"
#include "cli/templates.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "service/conventions.h"

namespace busker::cli {
namespace {

std::string Filled(std::string_view text, const std::string& name) {
  std::string table = name;
  for (char& c : table) {
    if (c == '-' || c == '.') c = '_';
  }
  std::string filled(text);
  for (const auto& [mark, value] : {std::pair{std::string_view("@NAME@"), name},
                                    std::pair{std::string_view("@TABLE@"), table}}) {
    for (std::size_t at = 0; (at = filled.find(mark, at)) != std::string::npos;
         at += value.size()) {
      filled.replace(at, mark.size(), value);
    }
  }
  return filled;
}

// What is there stays as it is: only a folder without anything in it will do.
Result<void> CheckIsFree(const io::fs::path& folder) {
  std::error_code error;
  if (!io::fs::exists(io::fs::symlink_status(folder, error))) return {};
  if (io::fs::is_directory(folder, error) && io::fs::is_empty(folder, error) && !error) return {};
  return Invalid(fmt::format("{} is there already; choose another name", folder.string()));
}

std::string NextCommands(const std::string& language, const std::string& name) {
  std::string first = "cd " + name;
  if (language == "python")
    first += "\n  busker build --target local    # .venv, from requirements.txt";
  if (language == "cpp") first += " && make";
  return fmt::format("next:\n  {}\n  busker run training\n  busker run application\n", first);
}

}  // namespace

Result<int> New(const Common& common, const NewOptions& options) {
  const std::string& name = options.name;
  if (service::NameFromFolder(name) != name) {
    return Invalid(fmt::format("\"{}\" cannot be the name of a service; \"{}\" can", name,
                               service::NameFromFolder(name)));
  }
  const std::string language = options.cpp ? "cpp" : options.shell ? "shell" : "python";
  const io::fs::path folder = io::fs::path(common.folder) / name;
  TRY(CheckIsFree(folder));
  for (const TemplateFile& file : Templates()) {
    if (file.language != language) continue;
    const io::fs::path path = folder / file.path;
    TRY(io::MakeFolders(path.parent_path()));
    const mode_t mode = file.path.ends_with(".sh") ? 0755 : 0644;
    TRY(io::WriteFileAtomically(path, Filled(file.text, name), mode));
  }
  PrintLine(fmt::format("made {}: a service that runs; put your model and your data into it",
                        folder.lexically_normal().string()));
  Print(NextCommands(language, name));
  return 0;
}

}  // namespace busker::cli
