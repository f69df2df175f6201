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
Result<model::Versions> ReadVersions(const Opened& opened, const std::stop_token& stop = {}) {
  const service::Service& service = *opened.service;
  return model::ReadVersions(*opened.store, service.name, service.version,
                             service::Promoting(service), artifact::ForAnswer(stop),
                             service::Testing(service));
}

ordered_json DescribeLive(const std::optional<model::LivePointer>& live) {
  if (!live) return {};
  return {{"version", live->now.version.timestamp},
          {"key", live->now.version.Key()},
          {"by", live->now.by},
          {"why", live->now.why},
          {"at", FormatRfc3339(live->now.at)},
          {"check", TextOrNull(live->now.check)},
          {"can_roll_back", !live->before.empty()},
          {"pin", DescribePin(live)}};
}

// What the version that is live was made for, and how good it was.
void DescribeModel(const model::Versions& versions, ordered_json& live) {
  std::size_t number = 0;
  for (const artifact::Manifest& version : versions.all) {
    ++number;
    if (!versions.IsLive(version)) continue;
    live["number"] = number;  // of the oldest: 1
    live["data_date"] = version.data_date;
    live["saved_at"] = FormatRfc3339(version.saved_at);
    live["metrics"] = ordered_json::object();
    for (const auto& [name, value] : version.metrics) live["metrics"][name] = value;
  }
}

// The conditions of its gates, by action.
ordered_json DescribeGates(const service::Service& service) {
  ordered_json gates = ordered_json::object();
  for (const auto& [name, action] : service.actions) {
    if (action.promote_when) gates[name] = *action.promote_when;
  }
  return gates;
}

// The version that waits for somebody to approve it, or null.
ordered_json DescribeWaiting(const model::Versions& versions) {
  const model::Ruling* const waiting = versions.Waiting();
  if (waiting == nullptr) return {};
  return {{"version", waiting->version.timestamp},
          {"why", waiting->why},
          {"run", waiting->run},
          {"at", FormatRfc3339(waiting->at)}};
}

http::Response AnswerWith(const Result<model::LivePointer>& live) {
  return live ? http::JsonResponse(DescribeLive(*live)) : http::Problem(live.error());
}

// How its predictions are answered by this process; null: they are not.
ordered_json DescribeOnline(const std::vector<daemon::Online>& all, const std::string& service) {
  for (const daemon::Online& one : all) {
    if (one.service == service) return Describe(one);
  }
  return {};
}

const http::Field kVersionField = {"version", http::Field::Kind::kText,
                                   "a time stamp, ACTION/TIMESTAMP, or a key", true};
const http::Field kUncheckedField = {
    "unchecked", http::Field::Kind::kFlag,
    "also a version whose sample comes out otherwise here than where it was trained"};
const http::Field kUnpinField = {"unpin", http::Field::Kind::kFlag,
                                 "also when what is live is pinned, which it then no longer is"};

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
      "Makes a version live, and approves it if it waits: {version, why}.",
      [this](const Call& call) { return Promote(call); })
      .body = {kVersionField,
               {"why", http::Field::Kind::kText, "for the record; default: by hand"},
               kUncheckedField,
               kUnpinField};
  add(http::Method::kPost, "/api/v1/services/{service}/rollback", access::Scope::kOperator,
      "Makes live again what was live before.", [this](const Call& call) { return Rollback(call); })
      .body = {kUncheckedField, kUnpinField};
  add(http::Method::kPost, "/api/v1/services/{service}/pin", access::Scope::kOperator,
      "Keeps what is live where it is: {version, why}.",
      [this](const Call& call) { return Pin(call); })
      .body = {kVersionField, {"why", http::Field::Kind::kText, "for all who wonder", true}};
  add(http::Method::kPost, "/api/v1/services/{service}/unpin", access::Scope::kOperator,
      "Lets gates move the live pointer again.", [this](const Call& call) { return Unpin(call); });
  add(http::Method::kGet, "/api/v1/services/{service}/deliveries", access::Scope::kViewer,
      "What was loaded into the warehouse, newest first.",
      [this](const Call& call) { return ListDeliveries(call); });
  add(http::Method::kPost, "/api/v1/services/{service}/deliveries/{delivery}/undo",
      access::Scope::kOperator, "The table as it was before that load.",
      [this](const Call& call) { return Undo(call); });
}

struct VersionsApi::Listed {
  ordered_json described;
  std::string untold;  // what is wrong with what is stored of it
};

VersionsApi::~VersionsApi() = default;

VersionsApi::Listed VersionsApi::MakeListed(const SharedService& service,
                                            const std::stop_token& stop) const {
  const auto versions = OpenStore(daemon_, service).and_then([&](const Opened& opened) {
    return ReadVersions(opened, stop);
  });
  Listed listed;
  ordered_json& one = listed.described;
  one = {{"service", service->name}, {"version", service->version}};
  one["versions"] = versions ? ordered_json(versions->all.size()) : ordered_json();
  one["live"] = versions ? DescribeLive(versions->live) : ordered_json();
  one["promote_when"] = DescribeGates(*service);
  if (versions && versions->live) DescribeModel(*versions, one["live"]);
  one["waits"] = versions ? DescribeWaiting(*versions) : ordered_json();
  one["unreadable"] = ordered_json();
  if (versions) return listed;
  one["unreadable"] = "what is stored of it cannot be used; busker fsck says what is wrong";
  listed.untold = service->name + ": " + versions.error().message;
  return listed;
}

// One by one, so that who asks meanwhile waits for one alone, and makes the rest.
void VersionsApi::ReadAhead(const std::stop_token& stop) {
  for (const SharedService& service : ServicesOf(*daemon_.catalogue())) {
    if (stop.stop_requested()) return;
    const auto read = records_.With([&](record::Record& record) {
      return known_.Find(record, {service}, Now(),
                         [&](const SharedService& one) { return MakeListed(one, stop); });
    });
    if (!read) return;  // whoever asks is told
  }
}

// One whose versions cannot be read is told as that, and the others as ever.
http::Response VersionsApi::ListServices(const Call& call) {
  std::vector<SharedService> services = ServicesOf(*daemon_.catalogue());
  std::erase_if(services, [&](const SharedService& service) {
    return !access::HoldsService(call.caller.confines, service->name);
  });
  const auto all = records_.With([&](record::Record& record) {
    return known_.Find(record, services, Now(),
                       [this](const SharedService& service) { return MakeListed(service); });
  });
  if (!all) return http::Problem(all.error());
  ordered_json list = ordered_json::array();
  std::string untold;
  const std::vector<daemon::Online> online = daemon_.requests().Health().online;
  for (const auto& one : *all) {
    list.push_back(one->described);
    // Never out of what is known: it changes with every look at the pointer.
    list.back()["online"] = DescribeOnline(online, list.back()["service"].get<std::string>());
    if (!one->untold.empty()) untold += (untold.empty() ? "" : "; ") + one->untold;
  }
  http::Response response = http::JsonResponse({{"services", list}});
  if (!untold.empty()) response.untold = "some services cannot be shown: " + untold;
  return response;
}

http::Response VersionsApi::ListVersions(const Call& call) {
  const auto opened = OpenStore(daemon_, call);
  if (!opened) return http::Problem(opened.error());
  const auto versions = ReadVersions(*opened);
  if (!versions) return http::Problem(versions.error());
  ordered_json list = ordered_json::array();
  for (const artifact::Manifest& version : versions->all) {
    list.push_back(Describe(version, *versions));
  }
  return http::JsonResponse(
      {{"versions", list},
       {"unreadable", versions->unreadable},
       {"promote_when", DescribeGates(*opened->service)},
       {"live", DescribeLive(versions->live)},
       {"waits", DescribeWaiting(*versions)},
       {"online", DescribeOnline(daemon_.requests().Health().online, opened->service->name)}});
}

http::Response VersionsApi::Promote(const Call& call) {
  std::string version;
  daemon::MoveRequest move{call.caller.name};
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("version", version);
  body->Get("why", move.why);
  body->Get("unchecked", move.unchecked);
  body->Get("unpin", move.unpin);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  const auto opened = OpenStore(daemon_, call);
  if (!opened) return http::Problem(opened.error());
  return AnswerWith(daemon::Promote(*opened->store, *opened->service, version, move,
                                    audit_.ledger(), artifact::ForDecision()));
}

http::Response VersionsApi::Rollback(const Call& call) {
  daemon::MoveRequest move{call.caller.name};
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("unchecked", move.unchecked);
  body->Get("unpin", move.unpin);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  const auto opened = OpenStore(daemon_, call);
  if (!opened) return http::Problem(opened.error());
  return AnswerWith(daemon::Rollback(*opened->store, *opened->service, move, audit_.ledger(),
                                     artifact::ForDecision()));
}

http::Response VersionsApi::Pin(const Call& call) {
  std::string version, why;
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("version", version);
  body->Get("why", why);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  const auto opened = OpenStore(daemon_, call);
  if (!opened) return http::Problem(opened.error());
  return AnswerWith(daemon::Pin(*opened->store, *opened->service, version, call.caller.name, why,
                                audit_.ledger(), artifact::ForDecision()));
}

http::Response VersionsApi::Unpin(const Call& call) {
  const auto opened = OpenStore(daemon_, call);
  if (!opened) return http::Problem(opened.error());
  return AnswerWith(daemon::Unpin(*opened->store, *opened->service, call.caller.name,
                                  audit_.ledger(), artifact::ForDecision()));
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
  if (!is_of_it) return http::Problem(404, "no such delivery");
  const auto undone = daemon::Undo(**warehouse, call.At("delivery"), /*force=*/false,
                                   call.caller.name, audit_.ledger());
  if (!undone) return http::Problem(undone.error());
  return http::JsonResponse(Describe(*undone));
}

}  // namespace busker::serve
