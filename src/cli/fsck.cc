// busker fsck: is everything as it must be? Record, versions, live pointer, warehouse, and whether
// they agree.
#include <fmt/core.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "access/tokens.h"
#include "attempt/order.h"
#include "base/plural.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/workspace.h"
#include "home/instance.h"
#include "home/ownership.h"
#include "home/place.h"
#include "model/live.h"
#include "prepare/step.h"
#include "secret/cipher.h"
#include "secret/store.h"

namespace busker::cli {
namespace {

class Examination {
 public:
  // `workspace`: nullptr when the folder is no service; then there is the record alone.
  Examination(const Common& common, const home::Home& home, const Workspace* workspace)
      : common_(common), home_(home), where_(home::FolderOf(home)), workspace_(workspace) {}

  Result<void> Examine() {
    TRY_ASSIGN(record_, OpenRecord(home_));
    TRY(Part("record", CheckRecord()));
    TRY(Part("tokens", CheckTokens()));
    TRY(Part("secrets", CheckSecrets()));
    if (workspace_ == nullptr) {
      TRY(Part("record", ListRuns()));
      return Part("record", CheckRuns());
    }
    TRY_ASSIGN(store_, artifact::OpenStore(workspace_->places.store_url));
    TRY_ASSIGN(warehouse_, OpenWarehouse(common_, *workspace_));
    TRY(Part("artifacts", CheckVersions()));
    TRY(CheckLive());
    // Before the deliveries: what a run that ends meanwhile delivers is there then.
    TRY(Part("record", ListRuns()));
    TRY(Part("warehouse", CheckWarehouse()));
    TRY(Part("record", CheckRuns()));
    return Part("record", CheckOrphans());
  }

  const std::vector<std::string>& faults() const { return faults_; }
  const std::vector<std::string>& notes() const { return notes_; }
  std::size_t runs() const { return runs_.size(); }
  std::size_t versions() const { return versions_; }
  std::size_t deliveries() const { return delivery_ids_.size(); }

 private:
  // What cannot be checked any further is a fault of that part, and the next is checked all the
  // same. A disk that is full and the like are no fault of what is stored.
  Result<void> Part(const std::string& name, Result<void> checked) {
    if (checked || checked.error().kind == ErrorKind::kTemporary) return checked;
    faults_.push_back(name + ": " + checked.error().message);
    return {};
  }

  Result<void> CheckTokens() const {
    TRY(access::TokenFile(home_.TokensFile()).Read());
    return {};
  }

  // Each is decrypted, where the key is at hand.
  Result<void> CheckSecrets() {
    const secret::Store store(home_, common_.installation->environment);
    TRY_ASSIGN(const auto entries, store.List());
    for (const secret::Entry& entry : entries) {
      auto value = store.Value(entry.name);
      if (value) {
        secret::Wipe(*value);
      } else if (value.error().kind == ErrorKind::kNotFound) {
        notes_.push_back("secrets: not decrypted: " + value.error().message);
        return {};
      } else {
        faults_.push_back("secrets: " + value.error().message);
      }
    }
    return {};
  }

  // What a run of this home made is of a run that is on record. A store or a warehouse elsewhere
  // may be that of other homes, too.
  Result<void> CheckOrphans() {
    const auto is_own = [&](const std::string& place) {
      return home::NameOfPlace(place, home_.folder) != place;
    };
    if (is_own(workspace_->places.store_url)) {
      for (const auto& [version, run] : run_of_version_) {
        TRY(CheckOrphan("artifacts: version " + version, run));
      }
    }
    if (!is_own(workspace_->places.warehouse_url)) return {};
    for (const auto& [delivery, run] : run_of_delivery_) {
      TRY(CheckOrphan("warehouse: delivery " + delivery, run));
    }
    return {};
  }

  Result<void> CheckOrphan(const std::string& what, const std::string& run) {
    const auto found = record_->FindRun(run);
    if (found) return {};
    if (found.error().kind != ErrorKind::kNotFound) return tl::unexpected(found.error());
    faults_.push_back(fmt::format("{} is of run {}, which is not on record", what, run));
    return {};
  }

  Result<void> CheckRecord() {
    TRY_ASSIGN(const auto faults, record_->Check());
    for (const auto& fault : faults) faults_.push_back("record: " + fault);
    return {};
  }

  // Every version of every service version that the store holds, file by file.
  Result<void> CheckVersions() {
    TRY_ASSIGN(const auto services, store_->ListFolders(workspace_->service.name, limit_));
    for (const std::string& service_version : services) {
      std::vector<std::string> unreadable;
      TRY_ASSIGN(const auto manifests,
                 artifact::ListVersions(*store_, workspace_->service.name, service_version, "",
                                        limit_, &unreadable));
      for (const auto& sentence : unreadable) faults_.push_back("artifacts: " + sentence);
      for (const auto& manifest : manifests) {
        ++versions_;
        run_of_version_[manifest.name.Key()] = manifest.run;
        if (auto verified = artifact::VerifyByReading(*store_, manifest, limit_); !verified) {
          faults_.push_back("artifacts: " + verified.error().message);
        }
      }
    }
    return {};
  }

  Result<void> CheckLive() {
    const auto live =
        model::ReadLive(*store_, workspace_->service.name, workspace_->service.version, limit_);
    if (!live) {
      faults_.push_back("live pointer: " + live.error().message);
    } else if (*live) {
      if (auto manifest = artifact::ReadManifest(*store_, (*live)->now.version, limit_);
          !manifest) {
        faults_.push_back("live pointer: " + manifest.error().message);
      }
    }
    return {};
  }

  Result<void> CheckWarehouse() {
    TRY_ASSIGN(const auto faults, warehouse_->Check());
    for (const auto& fault : faults) faults_.push_back("warehouse: " + fault);
    std::vector<deliver::DamagedTable> damaged;  // told by Check
    TRY_ASSIGN(const auto deliveries, warehouse_->Deliveries("", &damaged));
    for (const auto& table : damaged) damaged_tables_.insert(table.table);
    for (const auto& delivery : deliveries) {
      delivery_ids_.insert(delivery.id);
      run_of_delivery_[delivery.id] = delivery.run;
    }
    return {};
  }

  Result<void> ListRuns() {
    record::RunFilter all;
    all.count_max = 1'000'000;
    TRY_ASSIGN(runs_, record_->ListRuns(all));
    return {};
  }

  // What the record calls done is there.
  Result<void> CheckRuns() {
    for (const auto& run : runs_) {
      if (!IsFinal(run.state)) {
        notes_.push_back(fmt::format(
            "run {} of {} is unfinished{}", run.facts.id, run.facts.action,
            home::OwnerOf(home_).empty() ? "; the next busker run finishes it first" : ""));
      }
      for (const auto& row : run.tasks) {
        if (workspace_ == nullptr || row.task.state != plan::State::kSucceeded) continue;
        TRY(CheckDone(run, row.task.name));
      }
    }
    return {};
  }

  Result<void> CheckDone(const record::RunRow& run, const std::string& task) {
    TRY_ASSIGN(const record::Order recorded, record_->OrderOf(run.facts.id, task));
    const auto order_read = attempt::OrderFromJson(recorded.text);
    if (!order_read) {
      faults_.push_back(fmt::format("record: the order of task {} of run {}: {}", task,
                                    run.facts.id, order_read.error().message));
      return {};
    }
    const attempt::Order& order = *order_read;
    const auto store_url = home::UrlOfPlace(order.store_url, where_);
    if (order.output && store_url && *store_url == store_->Url()) {
      TRY_ASSIGN(const auto name, artifact::ParseVersionName(*order.output));
      const auto manifest = artifact::RecallManifest(*store_, name, limit_);
      if (!manifest) {
        faults_.push_back(
            fmt::format("run {} succeeded, but: {}", run.facts.id, manifest.error().message));
      } else if (manifest->run != run.facts.id) {
        faults_.push_back(fmt::format("version {} says that run {} made it, the record says {}",
                                      name.Key(), manifest->run, run.facts.id));
      }
    }
    if (order.repeatable && order.command.size() == 4 && order.command[2] == "deliver") {
      const auto step = prepare::DeliveryIn(order.command[3]);
      if (!step) {
        faults_.push_back(fmt::format("record: the order of task {} of run {}: {}", task,
                                      run.facts.id, step.error().message));
        return {};
      }
      const auto url = home::UrlOfPlace(step->warehouse_url, where_, "embedded");
      if (url && *url == workspace_->places.warehouse_url && !delivery_ids_.contains(step->id) &&
          !damaged_tables_.contains(step->table)) {
        faults_.push_back(fmt::format("task {} of run {} succeeded, but there is no delivery {}",
                                      task, run.facts.id, step->id));
      }
    }
    return {};
  }

  const Common& common_;
  const home::Home& home_;
  const home::Folder where_;
  const Workspace* workspace_;
  std::unique_ptr<record::Record> record_;
  std::unique_ptr<artifact::Store> store_;
  const io::Interrupt limit_ = artifact::ForFiles();  // of all that is read there
  std::unique_ptr<deliver::Warehouse> warehouse_;
  std::vector<std::string> faults_, notes_;
  std::set<std::string> delivery_ids_, damaged_tables_;
  std::map<std::string, std::string> run_of_version_, run_of_delivery_;
  std::vector<record::RunRow> runs_;
  std::size_t versions_ = 0;
};

}  // namespace

Result<int> Fsck(const Common& common) {
  TRY_ASSIGN(const Place place, OpenPlace(common));
  std::optional<Workspace> workspace;
  // A folder of graph files has a record and no service; one with neither is told so.
  if (place.service || !HasHome(place.home)) {
    TRY_ASSIGN(workspace, OpenWorkspace(common));
  }
  Examination examination(common, place.home, workspace ? &*workspace : nullptr);
  TRY(examination.Examine());
  if (common.json) {
    PrintJson({{"faults", examination.faults()}, {"notes", examination.notes()}});
  } else {
    for (const auto& fault : examination.faults()) PrintLine("fault: " + fault);
    for (const auto& note : examination.notes()) PrintLine("note: " + note);
    PrintLine(fmt::format("{} in {}, {}, {}", Plural(examination.faults().size(), "fault"),
                          Plural(examination.runs(), "run"),
                          Plural(examination.versions(), "version"),
                          Plural(examination.deliveries(), "delivery", "deliveries")));
  }
  return examination.faults().empty() ? 0 : 1;
}

}  // namespace busker::cli
