// Busker's own tasks in a run of an action: delivering a file, moving the live pointer. A delivery
// is carried out by a short-lived process, `busker step NAME JSON`, under the runner like any
// program; a promotion by the process that conducts, as an attempt like any other
// (execute/step_executor.h). So each is timed, logged, stopped, retried and recovered in one way.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "deliver/warehouse.h"
#include "home/place.h"
#include "prepare/step_result.h"

namespace busker::prepare {

// Loads one file of a saved version into a table.
struct DeliverStep {
  std::string store_url, version;  // where the version is (home/place.h), and its key
  std::string file;                // within the version
  std::string warehouse_url;       // likewise
  deliver::Request request;        // `source` is filled in from the version
};

// Makes a saved version live, if the gate lets it pass.
struct PromoteStep {
  std::string store_url, version;
  std::optional<std::string> gate;  // none: every version passes
  bool force = false;               // also when the live version is for a later data date
  std::string run;
  bool requires_approval = false;  // then it waits for somebody to make it live
  // By action that tested it: key of what that saved.
  std::map<std::string, std::string> tests = {};
};

std::string ToJson(const DeliverStep& step);
std::string ToJson(const PromoteStep& step);

// What the step "deliver" described by `json` delivers. kInvalid: it is not such a description.
struct DeliveryNamed {
  std::string id, warehouse_url, table;
};
Result<DeliveryNamed> DeliveryIn(const std::string& json);

// How the sentence of a promotion begins that the gate refused.
inline constexpr std::string_view kNotPromoted = "not promoted: ";

// What a step has done: a sentence for its log, and what is kept of it.
struct StepDone {
  std::string sentence;
  StepResult result;
};

// Asked before anything is changed; an error is returned, and nothing was.
using MayChange = std::function<Result<void>()>;

// Carries out the step `name` ("deliver" or "promote") described by `json`. Both may be repeated:
// the second time finds the work done. `home`: whose places the step names. A promotion asks
// `may_change` once it has looked at all that it needs, which takes as long as reading the version.
Result<StepDone> CarryOutStep(const std::string& name, const std::string& json,
                              const home::Folder& home, const io::fs::path& duckdb_library,
                              Instant now, const MayChange& may_change = {});

// The same for a step whose command is `busker step NAME JSON`.
Result<StepDone> CarryOutStep(const std::vector<std::string>& command, const home::Folder& home,
                              Instant now, const MayChange& may_change);

}  // namespace busker::prepare
