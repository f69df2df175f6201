#include "serve/lineage_api.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "artifact/store.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "model/live.h"
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
  Versions(const daemon::Daemon& daemon, const std::string& service,
           const std::string& service_version) {
    const auto found = FindService(*daemon.catalogue(), service);
    const auto places = found ? daemon.PlacesOf(**found) : tl::unexpected(found.error());
    auto store = places ? artifact::OpenStore(places->store_url) : tl::unexpected(places.error());
    if (!store) {
      missing_.push_back(fmt::format(
          "Where the versions of {} are is not known, as it is not among what is served.",
          service));
      return;
    }
    warehouse_url_ = places->warehouse_url;
    store_ = std::move(*store);
    if (auto live = model::ReadLive(*store_, service, service_version)) live_ = std::move(*live);
  }

  // null: there is none, or there is a sentence about it.
  ordered_json Describe(const artifact::VersionName& name) {
    if (!store_) return {};
    const auto manifest = artifact::ReadManifest(*store_, name);
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
    Versions versions(daemon_, facts.service, facts.service_version);
    // Who is confined to an action hears of what others of its service made by name alone.
    const bool whole = access::HoldsService(call.caller.confines, facts.service);
    if (whole) input = versions.DescribeInput(facts.model_version);
    output =
        versions.Describe({facts.service, facts.service_version, facts.action, facts.timestamp});
    missing = versions.missing();
    const std::string& warehouse = versions.warehouse_url();
    const auto all =
        ReadDeliveries(warehouse.empty() ? home_warehouse_ : warehouse, duckdb_library_);
    if (!all) return http::Problem(all.error());
    const std::string made = output.is_null() ? "" : output["key"].get<std::string>();
    for (auto delivery = all->rbegin(); delivery != all->rend(); ++delivery) {
      if (delivery->run == facts.id) {
        deliveries.push_back(Describe(*delivery));
      } else if (whole && !made.empty() && delivery->model_version == made &&
                 used_by.size() < kDeliveriesMax) {
        used_by.push_back(Describe(*delivery));
      }
    }
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
