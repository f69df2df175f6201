#include "prepare/step.h"

#include "attempt/folder.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "home/instance.h"

namespace busker::cli {

Result<int> Step(const Common& common, const StepOptions& options) {
  TRY_ASSIGN(
      const prepare::StepDone done,
      prepare::CarryOutStep(options.name, options.json, home::FolderOf(home::Home{common.home}),
                            common.installation->duckdb_library, Now()));
  // Here: in the working folder. The runner makes it durable, with how the step ended.
  TRY(io::WriteFileUnsynced(attempt::kResultFile, prepare::ToJson(done.result), 0600));
  PrintLine(done.sentence);
  return 0;
}

}  // namespace busker::cli
