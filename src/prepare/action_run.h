// From "run this action for that date" to a run with all its tasks and their orders: everything
// that the run will need is decided and written down here, so that what happens to the service file
// or the live pointer later does not change a run that has begun.
//
//   training:     training -> promote
//   application:  application -> deliver, deliver-2, ...
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "artifact/store.h"
#include "base/result.h"
#include "base/time.h"
#include "record/record.h"
#include "service/service.h"

namespace busker::prepare {

// Where things are on this machine.
struct Places {
  std::string busker;            // this program, for Busker's own steps
  std::string store_url;         // of the artifact store
  std::string warehouse_folder;  // of the embedded warehouse
};

struct RunRequest {
  std::optional<std::string> date;  // "2019-08-01" or an RFC 3339 instant; none: now
  bool force = false;               // older data over newer
  std::string trigger = "manual";
  std::string requested_by;
  std::vector<std::string> environment;  // of the person or unit that asks, "NAME=value"
};

struct PreparedRun {
  record::RunFacts facts;
  std::vector<record::TaskFacts> tasks;
};

// kInvalid: a bad date or placeholder; kNotFound: the action applies the live version and nothing
// is live yet. `timestamp` names the version that the run saves (record::Record::FreeTimestamp).
Result<PreparedRun> PrepareRun(const service::Service& service, const service::Action& action,
                               const RunRequest& request, const Places& places,
                               artifact::Store& store, Instant timestamp, Instant now);

// The commit that the folder's source is at, with "-dirty" behind when files of it have changed
// since; empty when it is in no git repository or git is not there.
std::string SourceCommit(const std::string& folder, const std::vector<std::string>& environment);

}  // namespace busker::prepare
