#include "serve/details_api.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "artifact/store.h"
#include "http/json_body.h"
#include "http/problem.h"
#include "model/versions.h"
#include "serve/describe.h"
#include "serve/services.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kFilesMax = 1000, kPackagesMax = 2000;

ordered_json DescribeWhole(const artifact::Manifest& version, const model::Versions& all) {
  ordered_json described = Describe(version, all);
  ordered_json files = ordered_json::array(), packages = ordered_json::object();
  for (const auto& [path, digest] : version.files) {
    if (files.size() == kFilesMax) break;
    files.push_back({{"path", path}, {"bytes", digest.size_bytes}, {"sha256", digest.sha256}});
  }
  if (version.environment) {
    for (const auto& [name, number] : version.environment->packages) {
      if (packages.size() == kPackagesMax) break;
      packages[name] = number;
    }
  }
  described["contents"] = std::move(files);
  described["packages"] = std::move(packages);
  described["config_sha256"] = TextOrNull(version.config_sha256);
  described["input"] = version.input ? ordered_json(*version.input) : ordered_json();
  return described;
}

}  // namespace

void DetailsApi::AddRoutes(Routes& routes) {
  routes.Add({http::Method::kGet, "/api/v1/services/{service}/versions/{version}",
              access::Scope::kViewer,
              "One version, by its time stamp, with its files and the packages that it was made "
              "with.",
              [this](const Call& call) { return ShowVersion(call); }});
}

http::Response DetailsApi::ShowVersion(const Call& call) {
  const auto service = FindService(*daemon_.catalogue(), call.At("service"));
  if (!service) return http::Problem(service.error());
  const auto places = daemon_.PlacesOf(**service);
  if (!places) return http::Problem(places.error());
  const auto store = artifact::OpenStore(places->store_url);
  if (!store) return http::Problem(store.error());
  const service::Service& it = **service;
  const auto versions = model::ReadVersions(**store, it.name, it.version, service::Promoting(it),
                                            artifact::ForAnswer());
  if (!versions) return http::Problem(versions.error());
  const auto name = model::FindVersion(*versions, it.name, it.version, call.At("version"));
  if (!name) return http::Problem(name.error());
  const auto found = std::find_if(versions->all.begin(), versions->all.end(),
                                  [&](const auto& version) { return version.name == *name; });
  if (found == versions->all.end()) return http::Problem(404, "no such version");
  return http::JsonResponse(DescribeWhole(*found, *versions));
}

}  // namespace busker::serve
