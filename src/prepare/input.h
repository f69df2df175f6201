// Which version an action finds in output/ when it begins.
#pragma once

#include <optional>
#include <string>

#include "artifact/store.h"
#include "base/result.h"
#include "base/time.h"
#include "model/versions.h"
#include "service/service.h"

namespace busker::prepare {

// Of one action, for runs of any data date: what is in the store is read once.
class Input {
 public:
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
  model::Versions versions_;                // for kAsOf
  std::optional<artifact::Manifest> live_;  // for kLive
};

}  // namespace busker::prepare
