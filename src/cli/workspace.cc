#include "cli/workspace.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "model/gate.h"

namespace busker::cli {
namespace {

// What would otherwise go wrong in the middle of something.
Result<void> CheckPlace(const io::fs::path& folder, const io::fs::path& home) {
  if (!IsUtf8(folder.string())) {
    return Invalid("the path of the service's folder is not UTF-8; rename the folder");
  }
  if (access(home.c_str(), R_OK | X_OK) != 0 && errno == EACCES) {
    return Failed(home.string() + " cannot be read: it belongs to another user");
  }
  return {};
}

Result<dispatch::Home> FindHome(const Common& common, const io::fs::path& folder) {
  if (!common.home.empty()) return dispatch::Home{io::fs::absolute(common.home)};
  const io::fs::path own = folder / ".busker";
  const auto named = io::ReadFile(own / "home", 8192);
  if (!named) return dispatch::Home{own};
  const io::fs::path home = HomeNamedBy(*named);
  std::error_code error;
  if (home.is_absolute() && io::fs::exists(home, error)) return dispatch::Home{home};
  return Failed(
      fmt::format("{} names the home {}, which is not there; remove that file, or start "
                  "busker up again",
                  (own / "home").string(), Printable(home.string())));
}

Result<service::Service> Load(const std::string& folder) {
  auto service = service::LoadService(folder, model::CheckGate);
  if (!service) return Wrap("load the service in " + folder, service.error());
  return service;
}

}  // namespace

namespace {

Result<Place> OpenPlace(const Common& common, bool anyway) {
  Place place;
  std::error_code error;
  place.folder = io::fs::weakly_canonical(io::fs::absolute(common.folder), error).string();
  if (!io::fs::is_directory(place.folder, error)) {
    return NotFound(fmt::format("no folder {}", common.folder));
  }
  TRY_ASSIGN(place.home, FindHome(common, place.folder));
  TRY(CheckPlace(place.folder, place.home.folder));
  auto service = Load(common.folder);
  if (service) {
    place.service = std::move(*service);
  } else if (anyway && HasHome(place.home) && service.error().kind == ErrorKind::kInvalid) {
    std::fprintf(stderr, "busker: %s\n", Printable(service.error().message).c_str());
  } else if (service.error().kind != ErrorKind::kNotFound) {
    return tl::unexpected(service.error());
  }
  return place;
}

}  // namespace

io::fs::path HomeNamedBy(std::string_view text) {
  return text.substr(0, text.find_last_not_of("\r\n") + 1);
}

Result<Place> OpenPlace(const Common& common) { return OpenPlace(common, false); }

Result<Place> OpenPlaceAnyway(const Common& common) { return OpenPlace(common, true); }

plan::GraphKey KeyOf(const Place& place, const std::string& text) {
  const bool own = place.service && place.service->actions.contains(text);
  return own ? place.service->name + "/" + text : text;
}

Result<Workspace> OpenWorkspace(const Common& common) {
  Workspace workspace;
  TRY_ASSIGN(workspace.service, Load(common.folder));
  TRY_ASSIGN(workspace.home, FindHome(common, workspace.service.root));
  TRY(CheckPlace(workspace.service.root, workspace.home.folder));
  TRY_ASSIGN(workspace.places, prepare::PlacesOf(workspace.service, common.Target(),
                                                 {common.installation->busker,
                                                  workspace.home.ArtifactsFolder().string(),
                                                  workspace.home.WarehouseFolder().string()}));
  return workspace;
}

bool HasHome(const dispatch::Home& home) {
  std::error_code error;
  return io::fs::exists(home.RecordFile(), error);
}

Result<std::unique_ptr<record::Record>> OpenRecord(const dispatch::Home& home) {
  if (!HasHome(home)) {
    return NotFound(fmt::format("nothing was run yet in {}; busker run ACTION runs something",
                                home.folder.parent_path().string()));
  }
  return record::OpenSqliteRecord(home.RecordFile().string(), false);
}

Result<record::RunRow> FindRun(const Place& place, record::Record& record,
                               const std::string& what) {
  if (what.empty()) {
    record::RunFilter filter;
    filter.count_max = 1;
    TRY_ASSIGN(auto runs, record.ListRuns(filter));
    if (!runs.empty()) return std::move(runs.front());
    return NotFound("there are no runs yet; busker run ACTION starts one");
  }
  if (auto run = record.FindRun(what); run || run.error().kind != ErrorKind::kNotFound) return run;
  if (auto run = record.NewestRun(KeyOf(place, what));
      run || run.error().kind != ErrorKind::kNotFound) {
    return run;
  }
  return NotFound(fmt::format(
      "no run \"{0}\", and no run of an action or graph \"{0}\"; busker runs lists them", what));
}

Result<std::unique_ptr<deliver::Warehouse>> OpenWarehouse(const Common& common,
                                                          const Workspace& workspace) {
  return deliver::OpenEmbeddedWarehouse(workspace.places.warehouse_folder,
                                        common.installation->duckdb_library);
}

void SayNotNoted(const record::Deed& deed, const std::string& why) {
  std::fprintf(stderr, "busker: done, but the record says no more than \"%s requested\": %s\n",
               deed.verb.c_str(), why.c_str());
}

}  // namespace busker::cli
