// From "run this action for that date" to a run with all its tasks and their orders: everything
// that the run will need is decided and written down here, so that what happens to the service file
// or the live pointer later does not change a run that has begun.
//
//   training:     training -> testing, ... -> promote
//   application:  application -> deliver, deliver-2, ...
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "artifact/store.h"
#include "base/result.h"
#include "base/time.h"
#include "prepare/places.h"
#include "record/record.h"
#include "service/service.h"

namespace busker::prepare {

// The tasks of a queued run, decided, with an order for each.
struct PreparedRun {
  record::PreparedRun row;
  std::vector<plan::Task> tasks;
  std::optional<Milliseconds> timeout;  // of the whole run
};

// kNotFound: the action begins with a version, and there is none for that run.
Result<void> CheckRunnable(const service::Service& service, const service::Action& action,
                           artifact::Store& store, const plan::DagRun& run);

// kInvalid: a bad placeholder; kNotFound as CheckRunnable. `timestamp` names the version that the
// run saves (record::Record::FreeTimestamp); `environment`: "NAME=value" of the person or unit that
// started Busker.
Result<PreparedRun> PrepareRun(const service::Service& service, const service::Action& action,
                               const plan::DagRun& run, const Places& places,
                               artifact::Store& store, const std::string& timestamp,
                               const std::vector<std::string>& environment);

}  // namespace busker::prepare
