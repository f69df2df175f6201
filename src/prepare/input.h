// Which version an action finds in output/ when it begins.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "artifact/store.h"
#include "base/result.h"
#include "base/time.h"
#include "model/versions.h"
#include "plan/run.h"
#include "service/service.h"

namespace busker::prepare {

// How the trigger of a run begins that was asked for with a version: "version KEY".
inline constexpr std::string_view kVersionTrigger = "version ";

// Of one action, for runs of any data date: what is in the store is read once.
class Input {
 public:
  // For one run, which may have been asked for with a version. kInvalid: with one of another
  // service, or of an action that begins with none.
  static Result<Input> Read(const service::Service& service, const service::Action& action,
                            const plan::DagRun& run, artifact::Store& store);
  static Result<Input> Read(const service::Service& service, const service::Action& action,
                            artifact::Store& store);

  // nullptr: the action begins with none. kNotFound: with none that there is, and why.
  Result<const artifact::Manifest*> For(Instant data) const;

  // That the version of a run has a later data date than the run: a sentence; empty: it has not.
  std::string Leakage(Instant data) const;

 private:
  Input(const service::Service& service, const service::Action& action)
      : service_(service.name + " " + service.version), action_(action.name), kind_(action.input) {}

  std::string service_, action_;
  service::Input kind_;
  model::Versions versions_;                // for kAsOf and kCandidate
  std::optional<artifact::Manifest> live_;  // for kLive
  std::optional<artifact::Manifest> asked_for_;
};

}  // namespace busker::prepare
