#include "serve/versions_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "artifact/store.h"
#include "daemon/live_deeds.h"
#include "daemon/undo_deed.h"
#include "deliver/warehouse.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "model/versions.h"
#include "serve/describe.h"
#include "serve/services.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

// A delivery to a table may take minutes: who undoes another of it is told to come again.
constexpr Milliseconds kTableLimit{1000};

// A service with its artifact store.
struct Opened {
  SharedService service;
  std::unique_ptr<artifact::Store> store;
};

Result<Opened> OpenStore(const daemon::Daemon& daemon, const SharedService& service) {
  TRY_ASSIGN(const prepare::Places places, daemon.PlacesOf(*service));
  TRY_ASSIGN(auto store, artifact::OpenStore(places.store_url));
  return Opened{service, std::move(store)};
}

Result<Opened> OpenStore(const daemon::Daemon& daemon, const Call& call) {
  TRY_ASSIGN(const SharedService service, FindService(*daemon.catalogue(), call.At("service")));
  return OpenStore(daemon, service);
}

// And what is in there.
Result<model::Versions> ReadVersions(const Opened& opened) {
  const service::Service& service = *opened.service;
  return model::ReadVersions(*opened.store, service.name, service.version,
                             service::Promoting(service), artifact::ForAnswer());
}

ordered_json DescribeLive(const std::optional<model::LivePointer>& live) {
  if (!live) return {};
  return {{"version", live->now.version.timestamp},
          {"key", live->now.version.Key()},
          {"by", live->now.by},
          {"why", live->now.why},
          {"at", FormatRfc3339(live->now.at)},
          {"can_roll_back", !live->before.empty()}};
}

}  // namespace

void VersionsApi::AddRoutes(Routes& routes) {
  const auto add = [&](http::Method method, const char* pattern, access::Scope scope,
                       const char* summary, auto handler) -> Route& {
    return routes.Add({method, pattern, scope, summary, std::move(handler)});
  };
  routes.Add({http::Method::kGet, "/api/v1/services", access::Scope::kViewer,
              "Every service, with the version of its model that is live.",
              [this](const Call& call) { return ListServices(call); }, Reach::kOwn});
  add(http::Method::kGet, "/api/v1/services/{service}/versions", access::Scope::kViewer,
      "The versions that may be live, oldest first, with their metrics.",
      [this](const Call& call) { return ListVersions(call); });
  add(http::Method::kPost, "/api/v1/services/{service}/promote", access::Scope::kOperator,
      "Makes a version live: {version, why}.", [this](const Call& call) { return Promote(call); })
      .body = {
      {"version", http::Field::Kind::kText, "a time stamp, ACTION/TIMESTAMP, or a key", true},
      {"why", http::Field::Kind::kText, "for the record; default: by hand"}};
  add(http::Method::kPost, "/api/v1/services/{service}/rollback", access::Scope::kOperator,
      "Makes live again what was live before.",
      [this](const Call& call) { return Rollback(call); });
  add(http::Method::kGet, "/api/v1/services/{service}/deliveries", access::Scope::kViewer,
      "What was loaded into the warehouse, newest first.",
      [this](const Call& call) { return ListDeliveries(call); });
  add(http::Method::kPost, "/api/v1/services/{service}/deliveries/{delivery}/undo",
      access::Scope::kOperator, "The table as it was before that load.",
      [this](const Call& call) { return Undo(call); });
}

// One whose versions cannot be read is told as that, and the others as ever.
http::Response VersionsApi::ListServices(const Call& call) {
  ordered_json list = ordered_json::array();
  std::string untold;
  for (const SharedService& service : ServicesOf(*daemon_.catalogue())) {
    if (!access::HoldsService(call.caller.confines, service->name)) continue;
    const auto versions = OpenStore(daemon_, service).and_then(ReadVersions);
    list.push_back({{"service", service->name}, {"version", service->version}});
    ordered_json& one = list.back();
    one["versions"] = versions ? ordered_json(versions->all.size()) : ordered_json();
    one["live"] = versions ? DescribeLive(versions->live) : ordered_json();
    one["unreadable"] = ordered_json();
    if (versions) continue;
    one["unreadable"] = "what is stored of it cannot be used; busker fsck says what is wrong";
    untold += (untold.empty() ? "" : "; ") + service->name + ": " + versions.error().message;
  }
  http::Response response = http::JsonResponse({{"services", list}});
  if (!untold.empty()) response.untold = "some services cannot be shown: " + untold;
  return response;
}

http::Response VersionsApi::ListVersions(const Call& call) {
  const auto versions = OpenStore(daemon_, call).and_then(ReadVersions);
  if (!versions) return http::Problem(versions.error());
  ordered_json list = ordered_json::array();
  for (const artifact::Manifest& version : versions->all) {
    list.push_back(Describe(version, *versions));
  }
  return http::JsonResponse({{"versions", list},
                             {"unreadable", versions->unreadable},
                             {"live", DescribeLive(versions->live)}});
}

http::Response VersionsApi::Promote(const Call& call) {
  std::string version, why = "by hand";
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("version", version);
  body->Get("why", why);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  const auto opened = OpenStore(daemon_, call);
  if (!opened) return http::Problem(opened.error());
  const auto live = daemon::Promote(*opened->store, *opened->service, version, call.caller.name,
                                    why, audit_.ledger(), artifact::ForDecision());
  if (!live) return http::Problem(live.error());
  return http::JsonResponse(DescribeLive(*live));
}

http::Response VersionsApi::Rollback(const Call& call) {
  const auto opened = OpenStore(daemon_, call);
  if (!opened) return http::Problem(opened.error());
  const auto live = daemon::Rollback(*opened->store, *opened->service, call.caller.name,
                                     audit_.ledger(), artifact::ForDecision());
  if (!live) return http::Problem(live.error());
  return http::JsonResponse(DescribeLive(*live));
}

http::Response VersionsApi::ListDeliveries(const Call& call) {
  const auto service = FindService(*daemon_.catalogue(), call.At("service"));
  if (!service) return http::Problem(service.error());
  const auto places = daemon_.PlacesOf(**service);
  if (!places) return http::Problem(places.error());
  const auto deliveries = ReadDeliveries(places->warehouse_url, duckdb_library_);
  if (!deliveries) return http::Problem(deliveries.error());
  ordered_json list = ordered_json::array();
  for (auto delivery = deliveries->rbegin(); delivery != deliveries->rend(); ++delivery) {
    if (delivery->service == (*service)->name) list.push_back(Describe(*delivery));
  }
  return http::JsonResponse({{"deliveries", list}});
}

http::Response VersionsApi::Undo(const Call& call) {
  const auto service = FindService(*daemon_.catalogue(), call.At("service"));
  if (!service) return http::Problem(service.error());
  const auto places = daemon_.PlacesOf(**service);
  if (!places) return http::Problem(places.error());
  auto warehouse = deliver::OpenWarehouse(places->warehouse_url, duckdb_library_, kTableLimit);
  if (!warehouse) return http::Problem(warehouse.error());
  std::vector<deliver::DamagedTable> damaged;  // that another table is, is no reason
  const auto all = (*warehouse)->Deliveries("", &damaged);
  if (!all) return http::Problem(all.error());
  const bool is_of_it = std::any_of(all->begin(), all->end(), [&](const auto& delivery) {
    return delivery.id == call.At("delivery") && delivery.service == (*service)->name;
  });
  if (!is_of_it) return http::Problem(404, "there is no such delivery");
  const auto undone =
      daemon::Undo(**warehouse, call.At("delivery"), call.caller.name, audit_.ledger());
  if (!undone) return http::Problem(undone.error());
  return http::JsonResponse(Describe(*undone));
}

}  // namespace busker::serve
