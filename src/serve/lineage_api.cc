#include "serve/lineage_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "artifact/store.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "model/live.h"
#include "prepare/step_result.h"
#include "serve/describe.h"
#include "serve/services.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kFilesMax = 1000, kDeliveriesMax = 100;

// A version with its files, the first kFilesMax by name. The command that made it is left out:
// it may name what is on this machine.
ordered_json DescribeContents(const artifact::Manifest& version,
                              const std::optional<model::LivePointer>& live) {
  ordered_json described = Describe(version, live && live->now.version == version.name);
  ordered_json contents = ordered_json::array();
  for (const auto& [path, digest] : version.files) {
    if (contents.size() == kFilesMax) break;
    contents.push_back({{"path", path}, {"bytes", digest.size_bytes}, {"sha256", digest.sha256}});
  }
  described["contents"] = contents;
  described["config_sha256"] = TextOrNull(version.config_sha256);
  described["input"] = version.input ? ordered_json(*version.input) : ordered_json();
  return described;
}

// What is looked for, and the sentences about what is there but cannot be shown.
class Versions {
 public:
  // At the target of the run.
  Versions(const daemon::Daemon& daemon, const record::RunFacts& run) {
    const std::string& service = run.service;
    const auto found = FindService(*daemon.catalogue(), service);
    const auto places =
        found ? daemon.PlacesOf(**found, run.action, run.target) : tl::unexpected(found.error());
    auto store = places ? artifact::OpenStore(places->store_url) : tl::unexpected(places.error());
    if (!store) {
      missing_.push_back(fmt::format(
          "Where the versions of {} are is not known, as it is not among what is served.",
          service));
      return;
    }
    warehouse_url_ = places->warehouse_url;
    store_ = std::move(*store);
    if (auto live = model::ReadLive(*store_, service, run.service_version, artifact::ForAnswer()))
      live_ = std::move(*live);
  }

  // null: there is none, or there is a sentence about it.
  ordered_json Describe(const artifact::VersionName& name) {
    if (!store_) return {};
    const auto manifest = artifact::ReadManifest(*store_, name, artifact::ForAnswer());
    if (manifest) return DescribeContents(*manifest, live_);
    if (manifest.error().kind != ErrorKind::kNotFound) {
      missing_.push_back(
          fmt::format("The manifest of {} cannot be read; busker fsck says what is wrong with it.",
                      name.Key()));
    }
    return {};
  }

  ordered_json DescribeInput(const std::string& key) {
    if (key.empty()) return {};
    const auto name = artifact::ParseVersionName(key);
    const std::size_t said = missing_.size();
    ordered_json described = name ? Describe(*name) : ordered_json();
    if (described.is_null() && missing_.size() == said) {
      missing_.push_back(fmt::format("The version {} that it began with is gone.", key));
    }
    return described;
  }

  const std::vector<std::string>& missing() const { return missing_; }
  // Where its predictions are delivered; empty: not known.
  const std::string& warehouse_url() const { return warehouse_url_; }

 private:
  std::unique_ptr<artifact::Store> store_;
  std::string warehouse_url_;
  std::optional<model::LivePointer> live_;
  std::vector<std::string> missing_;
};

// What runs delivered, by the record; whether it is there still, each table is asked once.
class Deliveries {
 public:
  Deliveries(const std::string& warehouse_url, const std::string& duckdb_library)
      : url_(warehouse_url), duckdb_library_(duckdb_library) {}

  // Latest first, at most kDeliveriesMax.
  ordered_json Describe(std::span<const record::RunRow> runs) {
    ordered_json described = ordered_json::array();
    for (const record::RunRow& run : runs) {
      for (const record::TaskRow& task : run.tasks) {
        const auto result = prepare::ResultOf(task);
        if (!result || !result->delivery || described.size() == kDeliveriesMax) continue;
        described.push_back(serve::Describe(AsItIs(*result->delivery)));
      }
      if (IsOfEarlierVersion(run)) AddAllOf(run, described);
    }
    return described;
  }

  const std::vector<std::string>& missing() const { return missing_; }

 private:
  using Table = std::map<std::string, deliver::Delivery>;  // by id

  // As the warehouse has it now; as it was made, where that cannot be read.
  deliver::Delivery AsItIs(const deliver::Delivery& made) {
    const Table& table = TableOf(made.table);
    const auto found = table.find(made.id);
    return found == table.end() ? made : found->second;
  }

  const Table& TableOf(const std::string& name) {
    const auto [place, is_new] = tables_.try_emplace(name);
    if (!is_new) return place->second;
    auto warehouse = deliver::OpenWarehouse(url_, duckdb_library_);
    auto deliveries =
        warehouse ? (*warehouse)->Deliveries(name) : tl::unexpected(std::move(warehouse).error());
    if (!deliveries) {
      missing_.push_back(
          fmt::format("The table {} cannot be read, so what is told of it is what was on record "
                      "when it was delivered; busker fsck says what is wrong with it.",
                      name));
      return place->second;
    }
    for (deliver::Delivery& each : *deliveries) place->second.emplace(each.id, std::move(each));
    return place->second;
  }

  // It delivered, and what came of that was not put on record then.
  static bool IsOfEarlierVersion(const record::RunRow& run) {
    return std::any_of(run.tasks.begin(), run.tasks.end(), [](const record::TaskRow& row) {
      return row.task.name.starts_with("deliver") && row.task.state == plan::State::kSucceeded &&
             !row.attempts.empty() && row.attempts.back().result.empty();
    });
  }

  void AddAllOf(const record::RunRow& run, ordered_json& described) const {
    const auto all = ReadDeliveries(url_, duckdb_library_);
    if (!all) return;
    for (auto each = all->rbegin(); each != all->rend(); ++each) {
      if (each->run == run.facts.id && described.size() < kDeliveriesMax) {
        described.push_back(serve::Describe(*each));
      }
    }
  }

  const std::string url_;
  const std::string duckdb_library_;
  std::map<std::string, Table> tables_;
  std::vector<std::string> missing_;
};

}  // namespace

void LineageApi::AddRoutes(Routes& routes) {
  routes.Add({http::Method::kGet, "/api/v1/runs/{run}/lineage", access::Scope::kViewer,
              "Which version it began with, what it made, what was delivered, with digests.",
              [this](const Call& call) { return Show(call); }});
}

http::Response LineageApi::Show(const Call& call) {
  const auto run =
      records_.With([&](record::Record& record) { return record.FindRun(call.At("run")); });
  if (!run) return http::Problem(run.error());
  const record::RunFacts& facts = run->facts;
  ordered_json input, output, missing = ordered_json::array();
  ordered_json deliveries = ordered_json::array(), used_by = ordered_json::array();
  if (!facts.service.empty() && !facts.timestamp.empty()) {
    Versions versions(daemon_, facts);
    // Who is confined to an action hears of what others of its service made by name alone.
    const bool whole = access::HoldsService(call.caller.confines, facts.service);
    if (whole) input = versions.DescribeInput(facts.model_version);
    output =
        versions.Describe({facts.service, facts.service_version, facts.action, facts.timestamp});
    const std::string made = output.is_null() ? "" : output["key"].get<std::string>();
    Deliveries all(versions.warehouse_url().empty() ? home_warehouse_ : versions.warehouse_url(),
                   duckdb_library_);
    deliveries = all.Describe(std::span(&*run, 1));
    if (whole && !made.empty()) {
      record::RunFilter applied;
      applied.model_version = made;
      applied.count_max = kDeliveriesMax;
      const auto runs =
          records_.With([&](record::Record& record) { return record.ListRuns(applied); });
      if (!runs) return http::Problem(runs.error());
      used_by = all.Describe(*runs);
    }
    for (const std::string& sentence : versions.missing()) missing.push_back(sentence);
    for (const std::string& sentence : all.missing()) missing.push_back(sentence);
  }
  return http::JsonResponse({{"run", facts.id},
                             {"service", TextOrNull(facts.service)},
                             {facts.service.empty() ? "graph" : "action", facts.action},
                             {"data_date", facts.data_date},
                             {"scheduled_at", FormatRfc3339(facts.scheduled_at)},
                             {"definition_sha256", TextOrNull(facts.definition)},
                             {"input_version", TextOrNull(facts.model_version)},
                             {"input", input},
                             {"output", output},
                             {"deliveries", deliveries},
                             {"used_by", used_by},
                             {"missing", missing}});
}

}  // namespace busker::serve
