#include "execute/exit_of.h"

#include <fmt/core.h>

#include "attempt/folder.h"
#include "base/text.h"

namespace busker::execute {

Result<std::optional<attempt::ExitRecord>> ReadExitOf(const attempt::Name& name,
                                                      const io::fs::path& folder) {
  TRY_ASSIGN(auto ended, attempt::ReadExit(folder));
  if (!ended) return std::nullopt;
  const attempt::Name of{ended->run, ended->task, ended->number};
  if (of == name) return ended;
  return Unusable(fmt::format("{} is that of {}, and how this attempt ended is not known",
                              (folder / attempt::kExitFile).string(), Printable(of.Text())));
}

// kTemporary would say that nothing of it was begun.
tl::unexpected<Error> Unknown(const Error& error) {
  return error.kind == ErrorKind::kTemporary ? Failed(error.message) : tl::unexpected(error);
}

}  // namespace busker::execute
