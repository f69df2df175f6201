#include "cli/workspace.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "dispatch/pointer.h"
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

// Standard error, so that facts stay facts.
void TellOfCopy(const dispatch::Pointer& pointer, const dispatch::Home& own) {
  const std::string written_for =
      pointer.written_for.empty() ? "another folder" : "the folder " + pointer.written_for;
  std::fprintf(stderr, "busker: %s was written for %s; this one is a copy, and its home is %s\n",
               Printable(pointer.file.string()).c_str(), Printable(written_for).c_str(),
               Printable(own.folder.string()).c_str());
}

Result<dispatch::Home> FindHome(const Common& common, const io::fs::path& folder) {
  if (!common.home.empty()) {
    return dispatch::Home{io::fs::absolute(common.home).lexically_normal()};
  }
  const dispatch::Home own{folder / ".busker"};
  TRY_ASSIGN(const auto pointer, dispatch::ReadPointer(folder));
  if (!pointer) return own;
  if (!pointer->is_for_this) {
    if (!HasHome(own)) TellOfCopy(*pointer, own);
    return own;
  }
  std::error_code error;
  if (pointer->home.is_absolute() && io::fs::exists(pointer->home, error)) {
    return dispatch::Home{pointer->home};
  }
  return Failed(
      fmt::format("{} names the home {}, which is not there; remove that file, or start "
                  "busker up again",
                  pointer->file.string(), Printable(pointer->home.string())));
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
                                                  workspace.home.WarehouseFolder().string(),
                                                  workspace.home.folder.string()}));
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
