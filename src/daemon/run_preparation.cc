#include "daemon/run_preparation.h"

#include <fmt/core.h>

#include <utility>

#include "artifact/store.h"
#include "cloud/logging.h"
#include "execute/open.h"
#include "prepare/action_run.h"
#include "prepare/graph_run.h"

namespace busker::daemon {

void RunPreparation::Use(std::shared_ptr<const catalogue::Catalogue> catalogue) {
  const std::lock_guard lock(catalogue_mutex_);
  catalogue_ = std::move(catalogue);
}

std::shared_ptr<const catalogue::Catalogue> RunPreparation::catalogue() const {
  const std::lock_guard lock(catalogue_mutex_);
  return catalogue_;
}

Result<dispatch::Prepared> RunPreparation::Prepare(const plan::DagRun& run) {
  const auto all = catalogue();
  const auto definition = all->Find(run.graph).value_or(nullptr);
  if (definition == nullptr) return Temporary(all->WhyMissing(run.graph));  // it has just gone
  prepare::PreparedRun prepared;
  if (definition->file) {
    TRY_ASSIGN(const service::GraphFile file, service::LoadGraphFile(*definition->file));
    TRY_ASSIGN(prepared, prepare::PrepareRun(file, run, environment_));
  } else {
    const service::Service& service = *definition->service;
    const std::string target = prepare::TargetOf(service, definition->action, run.target, target_);
    TRY_ASSIGN(prepare::Places places, prepare::PlacesOf(service, target, home_));
    TRY_ASSIGN(places.executor, execute::PlaceOnRecord(places.executor, environment_));
    TRY_ASSIGN(const auto store, artifact::OpenStore(places.store_url));
    TRY_ASSIGN(const std::string stamp, ReserveTimestamp(run.graph, service, definition->action));
    TRY_ASSIGN(prepared, prepare::PrepareRun(service, definition->Action(), run, places, *store,
                                             stamp, environment_));
    if (!places.log.empty() && expect_) {
      TRY_ASSIGN(std::string project, cloud::ProjectOfLog(places.log));
      expect_(run.id, {std::move(project),
                       fmt::format("{}-{}-{}", service.name, service.version, definition->action),
                       service.name});
    }
  }
  return dispatch::Prepared{{run.id, std::move(prepared.tasks), prepared.timeout},
                            std::move(prepared.row)};
}

// The last that was given may not be on record yet, or never come to be.
Result<std::string> RunPreparation::ReserveTimestamp(const plan::GraphKey& graph,
                                                     const service::Service& service,
                                                     const std::string& action) {
  const std::lock_guard lock(stamps_mutex_);
  return record_->With([&](record::Record& record) -> Result<std::string> {
    std::string& stamp = stamps_[graph];
    TRY_ASSIGN(stamp, record.FreeTimestamp(service.name, service.version, action, stamp, Now()));
    return stamp;
  });
}

}  // namespace busker::daemon
