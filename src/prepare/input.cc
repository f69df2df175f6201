#include "prepare/input.h"

#include <fmt/core.h>

#include <algorithm>

#include "model/as_of.h"

namespace busker::prepare {

Result<Input> Input::Read(const service::Service& service, const service::Action& action,
                          artifact::Store& store) {
  Input input(service, action);
  switch (action.input) {
    case service::Input::kNone:
      break;
    case service::Input::kLive: {
      TRY_ASSIGN(const auto live,
                 model::ReadLive(store, service.name, service.version, artifact::ForDecision()));
      if (!live) break;
      TRY_ASSIGN(input.live_,
                 artifact::ReadManifest(store, live->now.version, artifact::ForDecision()));
      break;
    }
    case service::Input::kAsOf:
    case service::Input::kCandidate: {
      TRY_ASSIGN(input.versions_,
                 model::ReadVersions(store, service.name, service.version,
                                     service::Promoting(service), artifact::ForDecision()));
      break;
    }
  }
  return input;
}

Result<Input> Input::Read(const service::Service& service, const service::Action& action,
                          const plan::DagRun& run, artifact::Store& store) {
  if (!run.trigger.starts_with(kVersionTrigger)) return Read(service, action, store);
  Input input(service, action);
  TRY_ASSIGN(const artifact::VersionName name,
             artifact::ParseVersionName(run.trigger.substr(kVersionTrigger.size())));
  if (name.service != service.name || name.service_version != service.version) {
    return Invalid(fmt::format("{} is not a version of {}", name.Key(), input.service_));
  }
  if (action.input == service::Input::kNone) {
    return Invalid(fmt::format(
        "action {} begins with no version, so none can be given; its \"input\" says otherwise",
        action.name));
  }
  TRY_ASSIGN(input.asked_for_, artifact::ReadManifest(store, name, artifact::ForDecision()));
  return input;
}

Result<const artifact::Manifest*> Input::For(Instant data) const {
  if (asked_for_) return &*asked_for_;
  switch (kind_) {
    case service::Input::kNone:
      return nullptr;
    case service::Input::kLive:
      if (live_) return &*live_;
      return NotFound(
          fmt::format("action {} applies the live version of {}, and none is live yet; run the "
                      "training first, or busker promote a version",
                      action_, service_));
    case service::Input::kCandidate:
      if (!versions_.all.empty()) return &versions_.all.back();
      return NotFound(fmt::format(
          "action {} tests a version of {}, and there is none yet; run the training first", action_,
          service_));
    case service::Input::kAsOf:
      break;
  }
  if (const artifact::Manifest* version = model::AsOf(versions_, data)) return version;
  const auto oldest = std::min_element(
      versions_.all.begin(), versions_.all.end(),
      [](const auto& a, const auto& b) { return a.scheduled_at < b.scheduled_at; });
  return NotFound(fmt::format(
      "action {} applies the newest version of {} whose data date is before {}, and {}; run the "
      "training for an earlier one, with --date",
      action_, service_, FormatRfc3339(data),
      oldest == versions_.all.end()
          ? "no version yet"
          : fmt::format("the oldest is for {}", FormatRfc3339(oldest->scheduled_at))));
}

std::string Input::Leakage(Instant data) const {
  if (!live_ || live_->scheduled_at <= data) return {};
  return fmt::format(
      "leakage: the live version {} is for {}, which is later: it may have learned from what it is "
      "to predict; input = \"as-of\" takes the version of then",
      live_->name.timestamp, live_->data_date);
}

}  // namespace busker::prepare
