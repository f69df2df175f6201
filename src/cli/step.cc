#include "prepare/step.h"

#include "cli/print.h"
#include "cli/verbs.h"
#include "dispatch/instance.h"

namespace busker::cli {

Result<int> Step(const Common& common, const StepOptions& options) {
  TRY_ASSIGN(const std::string sentence,
             prepare::CarryOutStep(options.name, options.json,
                                   dispatch::FolderOf(dispatch::Home{common.home}),
                                   common.installation->duckdb_library, Now()));
  PrintLine(sentence);
  return 0;
}

}  // namespace busker::cli
