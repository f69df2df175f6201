#include "execute/open.h"

#include <fmt/core.h>

#include <utility>

#include "execute/process_executor.h"

namespace busker::execute {

Result<std::unique_ptr<Executor>> Open(const std::string& place, const Settings& settings,
                                       Executor::OnEnded on_ended) {
  if (place.empty()) {
    return ProcessExecutor::Start(settings.runner, settings.runs_folder, std::move(on_ended),
                                  settings.secret_of);
  }
  return Invalid(fmt::format(
      "there is no executor for {}; this version of Busker has only process://", place));
}

}  // namespace busker::execute
