// The home: the folder with Busker's own state, and its lock. One process at a time owns a home.
//
//   .busker/
//     owner             the lock (flock), with the owner's process id and what it does
//     instance          which home it is (dispatch/instance.h)
//     busker.db         the record
//     runs/RUN/TASK.N/  the attempts (attempt/folder.h)
//     artifacts/        the versions of the built-in target `local`
//     warehouse/        its warehouse
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "io/file.h"

namespace busker::dispatch {

struct Home {
  io::fs::path folder;

  io::fs::path RecordFile() const { return folder / "busker.db"; }
  io::fs::path RunsFolder() const { return folder / "runs"; }
  io::fs::path ArtifactsFolder() const { return folder / "artifacts"; }
  io::fs::path WarehouseFolder() const { return folder / "warehouse"; }
  std::string RecordUrl() const { return "sqlite://" + RecordFile().string(); }
  std::string StoreUrl() const { return "file://" + ArtifactsFolder().string(); }
  std::string WarehouseUrl() const { return "embedded://" + WarehouseFolder().string(); }
  io::fs::path OwnerFile() const { return folder / "owner"; }
  io::fs::path InstanceFile() const { return folder / "instance"; }
};

// Creates the folder when it is missing, for its owner alone: the record holds what services pass
// to their programs.
Result<Home> MakeHome(const io::fs::path& folder);

// What the owner of the home wrote about itself: "process 4711 runs training"; empty: nobody owns
// it.
std::string OwnerOf(const Home& home);

class Ownership {
 public:
  // Takes the home; waits up to `limit` while another process owns it, kTemporary after. `doing`
  // ("runs training") is what others are told.
  static Result<Ownership> Take(const Home& home, const std::string& doing,
                                std::chrono::milliseconds limit);

  // Tells others something else from now on.
  Result<void> Say(const std::string& doing) const;

 private:
  Ownership(io::FileLock lock, io::fs::path file)
      : lock_(std::move(lock)), file_(std::move(file)) {}
  io::FileLock lock_;
  io::fs::path file_;
};

}  // namespace busker::dispatch
