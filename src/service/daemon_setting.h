// The daemon's own settings: HOME/daemon.toml (docs/service-file.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "service/schedule_setting.h"

namespace busker::service {

struct SmtpSetting {
  std::string url;            // smtp://host:port or smtps://host:port
  std::string from;           // address
  std::string user;           // empty: no login
  std::string password_file;  // absolute; empty: none
  bool starttls = true;       // with smtp://: refuse to go on without TLS
};

struct HeartbeatSetting {
  std::string url;  // fetched each `every`, so that somebody else notices when it stops
  Milliseconds every{60'000};
};

// The dashboard and the HTTP API.
struct HttpSetting {
  bool on = true;
  std::string address = "127.0.0.1";
  int port = 0;           // 0: that which the home had last, else 8321 or the next that is free
  bool any_port = false;  // with 0: whichever is free (busker up --port 0)
  // How people call this server, or a proxy before it: "https://busker.example.com".
  std::vector<std::string> names;
  std::string certificate, key;  // files, absolute; empty: without TLS
  bool insecure_i_know = false;  // others than this machine may be talked to without TLS

  bool IsLocal() const;  // the address is of the loopback interface
};

// The server of predictions (docs/online.md).
struct ServingSetting {
  bool on = false;
  std::string address = "127.0.0.1";
  int port = 8080;
  int threads = 0;  // 0: as many as there are processors
  std::uint64_t rows_max = 10'000;
  std::uint64_t body_bytes_max = 16u << 20;
  std::string certificate, key;  // files, absolute; empty: without TLS
  bool insecure_i_know = false;
};

struct DaemonSettings {
  int slots = 0;                     // tasks at once; 0: as many as there are processors
  int cpus_milli = 0;                // what tasks with "cpus" share; 0: what the machine has
  std::uint64_t memory_bytes = 0;    // what tasks with "memory" share; 0: what the machine has
  std::map<std::string, int> pools;  // name -> slots; a pool that is not here has 1
  std::optional<SmtpSetting> smtp;
  std::optional<HeartbeatSetting> heartbeat;
  HttpSetting http;
  ServingSetting serving;
  Notify notify;  // for everything that runs, beside what a service says
};

// Reads the file at `path`; defaults when it is not there. The first fault is kInvalid:
// "daemon.toml:3:1: ..." with the path as given. kUnusable: what it says of [http] would let others
// than this machine in without TLS.
Result<DaemonSettings> LoadDaemonSettings(const std::string& path);

}  // namespace busker::service
