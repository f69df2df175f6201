#include "cli/workspace.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "catalogue/search.h"
#include "dispatch/record_file.h"
#include "home/pointer.h"
#include "model/gate.h"
#include "service/conventions.h"

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
void TellOfCopy(const home::Pointer& pointer, const home::Home& own) {
  const std::string written_for =
      pointer.written_for.empty() ? "another folder" : "the folder " + pointer.written_for;
  std::fprintf(stderr, "busker: %s was written for %s; this one is a copy, and its home is %s\n",
               Printable(pointer.file.string()).c_str(), Printable(written_for).c_str(),
               Printable(own.folder.string()).c_str());
}

Result<home::Home> FindHome(const Common& common, const io::fs::path& folder) {
  if (!common.home.empty()) {
    return home::Home{io::fs::absolute(common.home).lexically_normal()};
  }
  const home::Home own = home::Home::Beside(folder);
  TRY_ASSIGN(const auto pointer, home::ReadPointer(folder));
  if (!pointer) return own;
  if (!pointer->is_for_this) {
    if (!HasHome(own)) TellOfCopy(*pointer, own);
    return own;
  }
  std::error_code error;
  if (pointer->home.is_absolute() && io::fs::exists(pointer->home, error)) {
    return home::Home{pointer->home};
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

// Before a home is made, or looked for, in a folder where there is nothing to run.
Result<void> CheckSomethingHere(const std::string& folder) {
  if (catalogue::Discover({folder})) return {};
  return NotFound(
      fmt::format("no service here: {} has no busker.toml or configs/*.json; -C DIR names the "
                  "folder of one",
                  folder));
}

// What the folder itself must hold to be found from a folder below it.
bool IsServiceOrHome(const io::fs::path& folder) {
  std::error_code error;
  const home::Home home = home::Home::Beside(folder);
  for (const io::fs::path& file :
       {folder / service::kServiceFile, home.RecordFile(), home.PointerFile()}) {
    if (io::fs::exists(file, error)) return true;
  }
  if (service::IsWholeRepository(folder.string())) return true;
  io::fs::directory_iterator entry(folder / "configs", error);
  for (; !error && entry != io::fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".json") return true;
  }
  return false;
}

enum class Wanted { kSomethingToRun, kAnyRun, kAFolder };

Result<Place> OpenPlace(const Common& common, Wanted wanted) {
  const bool anyway = wanted == Wanted::kAnyRun;
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
  const bool may_be_elsewhere = wanted == Wanted::kAFolder || (anyway && !common.home.empty());
  if (!place.service && !may_be_elsewhere && !HasHome(place.home)) {
    TRY(CheckSomethingHere(place.folder));
  }
  return place;
}

}  // namespace

std::string NearestFolder() {
  std::error_code error;
  const io::fs::path here = io::fs::current_path(error);
  struct stat own {};
  const bool is_here = !service::IsProgramFolder(here) &&
                       (IsServiceOrHome(here) || catalogue::Discover({here.string()}));
  if (error || is_here || stat(here.c_str(), &own) != 0) return ".";
  const char* const home = std::getenv("HOME");
  for (io::fs::path above = here; above != above.parent_path();) {
    above = above.parent_path();
    struct stat info {};
    const bool ends = stat(above.c_str(), &info) != 0 || info.st_dev != own.st_dev ||
                      info.st_uid != geteuid() || (info.st_mode & S_IWOTH) != 0 ||
                      above == above.root_path() || (home != nullptr && above == home);
    if (ends) break;
    if (IsServiceOrHome(above)) return above.string();
  }
  return ".";
}

Result<void> CheckHome(const std::string& home) {
  std::error_code error;
  const auto status = io::fs::status(home, error);
  if (status.type() == io::fs::file_type::not_found) {
    return NotFound(fmt::format("no home at {}", home));
  }
  if (error) return {};  // told when it is opened
  if (!io::fs::is_directory(status)) return NotFound(home + " is not a folder, so not a home");
  const home::Home named{io::fs::absolute(home).lexically_normal()};
  if (dispatch::WasUsed(named)) return {};
  for (const io::fs::path& file : {named.SecretsFile(), named.TokensFile()}) {
    if (io::fs::exists(file, error) || error) return {};
  }
  return NotFound(fmt::format("no home at {}: nothing was ever run in that folder", home));
}

Result<Place> OpenPlace(const Common& common) { return OpenPlace(common, Wanted::kSomethingToRun); }

Result<Place> OpenPlaceAnyway(const Common& common) { return OpenPlace(common, Wanted::kAnyRun); }

Result<Place> OpenPlaceOfFile(const Common& common) { return OpenPlace(common, Wanted::kAFolder); }

plan::GraphKey KeyOf(const Place& place, const std::string& text) {
  const bool own = place.service && place.service->actions.contains(text);
  return own ? plan::GraphKey(place.service->name, text) : plan::GraphKey::Parse(text);
}

Result<Workspace> OpenWorkspace(const Common& common) {
  Workspace workspace;
  auto service = Load(common.folder);
  if (!service && service.error().kind == ErrorKind::kNotFound) {
    std::error_code error;
    const auto folder = io::fs::weakly_canonical(io::fs::absolute(common.folder), error).string();
    if (!io::fs::is_directory(folder, error)) {
      return NotFound(fmt::format("no folder {}", common.folder));
    }
    TRY(CheckSomethingHere(folder));
  }
  TRY_ASSIGN(workspace.service, std::move(service));
  TRY_ASSIGN(workspace.home, FindHome(common, workspace.service.root));
  TRY(CheckPlace(workspace.service.root, workspace.home.folder));
  TRY_ASSIGN(workspace.places,
             prepare::PlacesOf(workspace.service,
                               prepare::TargetOf(workspace.service, "", common.target, ""),
                               {common.installation->busker, workspace.home.StoreUrl(),
                                workspace.home.WarehouseUrl(), workspace.home.folder.string()}));
  return workspace;
}

bool HasHome(const home::Home& home) { return dispatch::WasUsed(home); }

Result<std::unique_ptr<record::Record>> OpenRecord(const home::Home& home) {
  return dispatch::OpenRecord(home);
}

Result<std::unique_ptr<deliver::Warehouse>> OpenWarehouse(const Common& common,
                                                          const Workspace& workspace) {
  return deliver::OpenWarehouse(workspace.places.warehouse_url,
                                common.installation->duckdb_library);
}

daemon::Ledger LedgerOf(const home::Home& home) {
  if (!HasHome(home)) {
    return {[](const record::EventRow&) { return Result<void>(); },
            [](const record::Deed&, const std::string&) {}};
  }
  const auto record = std::make_shared<std::unique_ptr<record::Record>>();  // opened once
  return {[home, record](const record::EventRow& event) -> Result<void> {
            if (!*record) {
              TRY_ASSIGN(*record, cli::OpenRecord(home));
            }
            return (*record)->AddEvent(event);
          },
          [](const record::Deed& deed, const std::string& why) {
            std::fprintf(stderr,
                         "busker: done, but the record says no more than \"%s requested\": %s\n",
                         deed.verb.c_str(), why.c_str());
          }};
}

}  // namespace busker::cli
