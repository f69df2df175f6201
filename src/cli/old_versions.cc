#include "cli/old_versions.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "attempt/order.h"
#include "base/plural.h"
#include "deliver/undoable.h"
#include "model/live.h"
#include "model/retention.h"
#include "model/rulings.h"
#include "model/versions.h"

namespace busker::cli {
namespace {

using artifact::Manifest;
using artifact::Retirement;
using Keys = std::set<std::string>;
using State = Retirement::State;

// The keys of the versions that something refers to.
class Needs {
 public:
  Needs(const Common& common, const Workspace& workspace, artifact::Store& store)
      : common_(common), workspace_(workspace), store_(store) {}

  Result<Keys> Gather(const std::vector<Manifest>& versions) {
    TRY_ASSIGN(const auto of_service, store_.ListFolders(workspace_.service.name, limit_));
    for (const std::string& service_version : of_service) TRY(AddLive(service_version));
    if (HasHome(workspace_.home)) TRY(AddRuns());
    TRY(AddDelivered(versions));
    return std::move(keys_);
  }

 private:
  // What is live, what a rollback makes live, and what waits for somebody to approve it.
  Result<void> AddLive(const std::string& service_version) {
    const std::string& service = workspace_.service.name;
    TRY_ASSIGN(const auto live, model::ReadLive(store_, service, service_version, limit_));
    if (live) {
      keys_.insert(live->now.version.Key());
      if (!live->before.empty()) keys_.insert(live->before.front().version.Key());
    }
    TRY_ASSIGN(const auto rulings, model::ReadRulings(store_, service, service_version, limit_));
    if (const auto* const waiting = model::FindWaiting(rulings)) {
      keys_.insert(waiting->version.Key());
    }
    return {};
  }

  // What runs that have not ended apply, load and make.
  Result<void> AddRuns() {
    TRY_ASSIGN(const auto record, OpenRecord(workspace_.home));
    TRY_ASSIGN(const auto runs, record->Unfinished());
    for (const plan::DagRun& run : runs) {
      TRY_ASSIGN(const record::RunRow row, record->FindRun(run.id));
      keys_.insert(row.facts.model_version);
      for (const record::TaskRow& task : row.tasks) {
        const auto recorded = record->OrderOf(run.id, task.task.name);
        if (!recorded && recorded.error().kind == ErrorKind::kNotFound) continue;
        TRY(recorded);
        if (recorded->text.empty()) continue;
        TRY_ASSIGN(const attempt::Order order, attempt::OrderFromJson(recorded->text));
        if (order.input) keys_.insert(*order.input);
        if (order.output) keys_.insert(*order.output);
      }
    }
    return {};
  }

  Result<void> AddDelivered(const std::vector<Manifest>& versions) {
    TRY_ASSIGN(const auto warehouse, OpenWarehouse(common_, workspace_));
    if (!warehouse->UndoLoadsFiles()) return {};
    TRY_ASSIGN(const auto deliveries, warehouse->Deliveries());
    const Keys needed = deliver::NeededByUndo(deliveries);
    Keys runs;
    for (const deliver::Delivery& delivery : deliveries) {
      if (needed.contains(delivery.id)) runs.insert(delivery.run);
    }
    for (const Manifest& version : versions) {
      if (runs.contains(version.run)) keys_.insert(version.name.Key());
    }
    return {};
  }

  const Common& common_;
  const Workspace& workspace_;
  artifact::Store& store_;
  const io::Interrupt limit_ = artifact::ForFiles();
  Keys keys_;
};

// Noted before it is done, and after; `act` may say more of it.
template <typename Act>
Result<void> Note(const Common& common, const Workspace& workspace, const std::string& verb,
                  const std::string& done, const std::string& detail, const Act& act) {
  record::Deed deed{common.By(), verb, done, detail};
  return daemon::Do(LedgerOf(workspace.home), deed, [&] { return act(deed); });
}

class Clearing {
 public:
  Clearing(const Common& common, const Workspace& workspace, artifact::ClearableStore& store,
           const GcOptions& options)
      : common_(common), workspace_(workspace), store_(store), options_(options) {}

  Result<OldVersions> Do() {
    std::vector<std::string> unreadable;
    TRY(Read(unreadable));
    const bool all_gone = std::all_of(retired_.begin(), retired_.end(),
                                      [](const auto& one) { return one.state == State::kGone; });
    if (all_gone && !options_.older_than) return std::move(old_);
    if (!unreadable.empty()) {
      return Unusable(unreadable.front() +
                      "; as nobody knows what it needs, no version is retired or removed");
    }
    std::vector<Manifest> known = versions_;
    for (const Retirement& one : retired_) known.push_back(one.manifest);
    TRY_ASSIGN(Keys referred, Needs(common_, workspace_, store_).Gather(known));
    referred = model::WithInputs(std::move(referred), known);
    TRY(EndRetirements(NeededBy(referred, known)));
    if (options_.older_than) TRY(RetireOld(referred));
    return std::move(old_);
  }

 private:
  // All versions of the service, of whatever version of it.
  Result<void> Read(std::vector<std::string>& unreadable) {
    const std::string& service = workspace_.service.name;
    TRY_ASSIGN(const auto of_service, store_.ListFolders(service, limit_));
    for (const std::string& service_version : of_service) {
      TRY_ASSIGN(auto some, artifact::ListVersions(store_, service, service_version, "", limit_,
                                                   &unreadable, &retired_));
      std::move(some.begin(), some.end(), std::back_inserter(versions_));
    }
    return {};
  }

  // What a version that stays was made of stays.
  Keys NeededBy(Keys keys, const std::vector<Manifest>& known) const {
    for (const Manifest& version : versions_) keys.insert(version.name.Key());
    return model::WithInputs(std::move(keys), known);
  }

  // One that is needed again, such as by a promotion that had just verified it, is a version again
  // at once; what was retired a day ago goes.
  Result<void> EndRetirements(const Keys& needed) {
    std::vector<Retirement> go;
    for (const Retirement& one : retired_) {
      if (one.state == State::kGone) continue;
      const bool can_wait = one.state == State::kRetired;
      const bool is_needed = can_wait && needed.contains(one.manifest.name.Key());
      const bool waits = can_wait && one.at > now_ - artifact::kRetiredFor;
      (is_needed ? old_.returned : waits ? old_.waiting : go).push_back(one);
    }
    if (options_.dry_run) {
      old_.removed = std::move(go);
      return {};
    }
    for (const Retirement& one : old_.returned) TRY(artifact::TakeBack(store_, one, limit_));
    if (go.empty()) return {};
    return Note(common_, workspace_, "remove versions", "versions removed", DetailOf(go),
                [&](record::Deed& deed) -> Result<void> {
                  for (Retirement& one : go) {
                    TRY_ASSIGN(const bool is_gone, artifact::RemoveFiles(store_, one, limit_));
                    if (is_gone) old_.removed.push_back(std::move(one));
                  }
                  deed.detail = DetailOf(old_.removed);
                  return {};
                });
  }

  Result<void> RetireOld(const Keys& referred) {
    TRY_ASSIGN(const Milliseconds age, ParseDuration(*options_.older_than));
    const Instant before = now_ - age;
    auto unneeded = model::FindUnneeded(versions_, referred, {before, options_.keep});
    if (options_.dry_run || unneeded.empty()) {
      old_.retired = std::move(unneeded);
      return {};
    }
    const std::string why = "saved before " + FormatDate(before);
    return Note(common_, workspace_, "retire versions", "versions retired",
                DetailOf(unneeded) + ": " + why, [&](record::Deed& deed) -> Result<void> {
                  for (Manifest& one : unneeded) {
                    TRY_ASSIGN(const bool is_ours,
                               artifact::Retire(store_, one, now_, why, limit_));
                    if (is_ours) old_.retired.push_back(std::move(one));
                  }
                  deed.detail = DetailOf(old_.retired) + ": " + why;
                  return {};
                });
  }

  static const Manifest& ManifestOf(const Manifest& version) { return version; }
  static const Manifest& ManifestOf(const Retirement& one) { return one.manifest; }

  // Of those that another busker gc did meanwhile there are none.
  template <typename Versions>
  static std::string DetailOf(const Versions& versions) {
    if (versions.empty()) return "none";
    const std::string first = ManifestOf(versions.front()).name.Key();
    if (versions.size() == 1) return first;
    return fmt::format("{}, {} the first", Plural(versions.size(), "version"), first);
  }

  const Common& common_;
  const Workspace& workspace_;
  artifact::ClearableStore& store_;
  const GcOptions& options_;
  const io::Interrupt limit_ = artifact::ForFiles();
  const Instant now_ = Now();
  std::vector<Manifest> versions_;
  std::vector<Retirement> retired_;
  OldVersions old_;
};

}  // namespace

Result<OldVersions> ClearOldVersions(const Common& common, const Workspace& workspace,
                                     artifact::ClearableStore& store, const GcOptions& options) {
  return Clearing(common, workspace, store, options).Do();
}

Result<Retirement> TakeBackVersion(const Common& common, const Workspace& workspace,
                                   artifact::Store& store, const std::string& text) {
  const io::Interrupt limit = artifact::ForFiles();
  TRY_ASSIGN(const auto retired, artifact::ListRetired(store, workspace.service.name, limit));
  const Retirement* found = nullptr;
  for (const Retirement& one : retired) {
    if (!model::IsMeant(one.manifest.name, text)) continue;
    if (found != nullptr) {
      return Invalid(fmt::format("{} is more than one version; say all of its name, as in {}", text,
                                 one.manifest.name.Key()));
    }
    found = &one;
  }
  if (found == nullptr) {
    return NotFound(
        fmt::format("no version {} is retired; busker gc --dry-run lists those that are", text));
  }
  TRY(Note(common, workspace, "take back version", "version taken back", found->manifest.name.Key(),
           [&](record::Deed&) { return artifact::TakeBack(store, *found, limit); }));
  return *found;
}

}  // namespace busker::cli
