// The files that busker new begins a project with: src/cli/templates/LANGUAGE/..., within the
// program. "@NAME@" in a text is the service's name, "@TABLE@" that as a schema of the warehouse.
#pragma once

#include <span>
#include <string_view>

namespace busker::cli {

struct TemplateFile {
  std::string_view language;  // "python", "cpp", "shell"
  std::string_view path;      // within the project
  std::string_view text;
};

std::span<const TemplateFile> Templates();

}  // namespace busker::cli
