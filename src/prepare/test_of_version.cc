#include "prepare/test_of_version.h"

#include <utility>

namespace busker::prepare {

Result<std::optional<artifact::Manifest>> LastTest(artifact::Store& store,
                                                   const artifact::VersionName& version,
                                                   const std::string& action,
                                                   const io::Interrupt& interrupt) {
  TRY_ASSIGN(auto all, artifact::ListVersions(store, version.service, version.service_version,
                                              action, interrupt));
  std::optional<artifact::Manifest> last;
  for (artifact::Manifest& test : all) {
    if (test.input != version.Key()) continue;
    if (!last || test.saved_at >= last->saved_at) last = std::move(test);
  }
  return last;
}

}  // namespace busker::prepare
