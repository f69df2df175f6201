// The home: the folder with Busker's own state, and the name of everything in it.
#pragma once

#include <string>

#include "base/result.h"
#include "io/file.h"

namespace busker::home {

inline constexpr char kFolder[] = ".busker";  // of the home beside a service

struct Home {
  io::fs::path folder;

  // That of a service's own folder.
  static Home Beside(const io::fs::path& service) { return {service / kFolder}; }

  // The lock (flock), with the owner's process id and what it does (ownership.h).
  io::fs::path OwnerFile() const { return folder / "owner"; }
  io::fs::path InstanceFile() const { return folder / "instance"; }  // which home it is
  io::fs::path Socket() const { return folder / "socket"; }          // verbs ask the owner here
  io::fs::path BackgroundLog() const { return folder / "conduct.err"; }

  io::fs::path SettingsFile() const { return folder / "daemon.toml"; }
  io::fs::path ServedFile() const { return folder / "served"; }  // the folders busker up serves
  // In a folder that another home serves: names that home (pointer.h).
  io::fs::path PointerFile() const { return folder / "home"; }
  io::fs::path PortFile() const { return folder / "port"; }  // that the dashboard had last
  io::fs::path TokensFile() const { return folder / "tokens.json"; }
  io::fs::path SecretsFile() const { return folder / "secrets.json"; }
  io::fs::path SecretsLock() const { return folder / "secrets.lock"; }

  io::fs::path RecordFile() const { return folder / "busker.db"; }
  io::fs::path RunsFolder() const { return folder / "runs"; }  // RUN/TASK.N/: attempt/folder.h
  // RUN.json: of each run whose log is still to be copied elsewhere (daemon/copied_run.h).
  io::fs::path LogCopiesFolder() const { return folder / "log-copies"; }
  // The versions and the tables of the built-in target `local`.
  io::fs::path ArtifactsFolder() const { return folder / "artifacts"; }
  io::fs::path WarehouseFolder() const { return folder / "warehouse"; }

  std::string RecordUrl() const { return "sqlite://" + RecordFile().string(); }
  std::string StoreUrl() const { return "file://" + ArtifactsFolder().string(); }
  std::string WarehouseUrl() const { return "embedded://" + WarehouseFolder().string(); }
};

// Creates the folder when it is missing, for its owner alone: the record holds what services pass
// to their programs.
Result<Home> MakeHome(const io::fs::path& folder);

}  // namespace busker::home
