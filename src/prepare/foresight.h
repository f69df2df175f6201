// What can be told of runs before anybody asks for them: where each begins, and what the tables
// that it delivers to will say.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "deliver/warehouse.h"
#include "plan/run.h"
#include "prepare/input.h"
#include "prepare/places.h"
#include "service/service.h"

namespace busker::prepare {

struct Foreseen {
  std::string version, version_date;  // that it would begin with; empty: none
  std::string warning;                // sentences; empty: nothing to warn of
  bool possible = true;               // false: it cannot begin, and `warning` says why
};

// Of one action: what is in the store and in the warehouse is read once, and nothing is changed.
class Foresight {
 public:
  static Result<Foresight> Read(const service::Service& service, const service::Action& action,
                                const Places& places);

  // Of a run that is carried out after those that were asked about before: what these deliver is in
  // the tables by then. `again`: it goes on with what was decided when it ran first.
  Foreseen Of(const plan::DagRun& run, bool again);

 private:
  Foresight(const service::Service& service, const service::Action& action, Input input)
      : service_(service), action_(action), input_(std::move(input)) {}

  std::string Deliver(const service::DeliverySetting& setting, const plan::DagRun& run);

  // The newest instant that a table, or a partition of it, has data for.
  struct Newest {
    Instant scheduled_at{};
    std::string data_date;
  };
  const service::Service& service_;
  const service::Action& action_;
  Input input_;
  std::map<std::string, Newest> tables_;      // by name
  std::map<std::string, Newest> partitions_;  // by name and data date
};

}  // namespace busker::prepare
