// What a container of ours is made of. Pure: from an attempt to the body of the engine's "create".
//
// Whatever the place or an order says, a container gets no capability, no new privilege, no device
// of the host but GPUs where the place asks for them, no namespace of the host but its network
// likewise, no socket of an engine, and no path of the host but those named here.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "execute/executor.h"
#include "io/file.h"

namespace busker::execute {

// A folder or file of the host, at the same path in the container unless said.
struct Mount {
  io::fs::path path;
  bool is_writable = false;
  std::string at = {};  // in the container; empty: the same path
};

// No: it is where the machine itself is, or engines have their sockets. Of the path as it is
// written: that no link leads to such a place is for whoever can look at the disk.
bool MayBeMounted(const io::fs::path& path);

// So many GPUs, whichever; kAll; or those named.
struct Gpus {
  static constexpr int kAll = -1;  // as the engine has it
  int count = 0;
  std::vector<std::string> ids = {};
};

// What a place's URL says behind the "?", for one attempt:
//   image=REFERENCE   what runs (needed)
//   pull=always       asks the registry before every start; "missing" unless said: only for an
//                     image that is not here
//   network=NAME      "bridge" unless said, "none", "host", or a network of the engine's
//   gpus=all|N|device=ID,...   GPUs of this machine; none unless said
//   store=PLACE       the artifact store, as orders name it (home/place.h)
//   mount=PATH[:rw]   a folder of the host, by the same path; several may be named
// All but the first and `store` may be said in a service file, and are named there once more
// (service/target_keys.cc), for that room knows no executor; cli/service_file_test.cc compares
// them.
inline constexpr std::array<std::string_view, 4> kContainerSettings = {"network", "mount", "gpus",
                                                                       "pull"};
struct ContainerSettings {
  std::string image, network = "bridge", store;
  bool always_pulls = false;
  std::optional<Gpus> gpus;
  std::vector<Mount> mounts;
};

// kInvalid: an unknown setting, a path that is not absolute or that no container may have, no
// image.
Result<ContainerSettings> ContainerSettingsIn(const std::string& place);

struct Container {
  std::string instance;  // id of the home
  attempt::Name attempt;
  ContainerSettings settings;
  // By digest or id: what the settings' reference meant when the attempt was begun.
  std::string image;
  std::string image_folder;     // its working directory; empty: it names none
  io::fs::path runner;          // busker-runner, on the host
  io::fs::path attempt_folder;  // the same path here and there
  std::vector<Mount> mounts;    // besides those of the settings
  std::string user;             // "UID:GID"
  int cpus_milli = 0;           // 0: not bounded
  std::uint64_t memory_bytes = 0;
};

// A pure function of home and attempt, so that a container is found again by it.
std::string ContainerName(const std::string& instance, const attempt::Name& attempt);

inline constexpr char kHomeLabel[] = "busker.home", kAttemptLabel[] = "busker.attempt";

// JSON for POST /containers/create (Engine API 1.41).
std::string CreateBody(const Container& container);

// Where the runner is in every container.
inline constexpr char kRunnerInside[] = "/busker/busker-runner";

}  // namespace busker::execute
