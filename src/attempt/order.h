// What the runner is to do in one attempt: written when the run is prepared, and read by the
// runner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "home/place.h"

namespace busker::attempt {

// A secret that the command gets. An order has its name alone; the value comes to the runner on
// another way (attempt/handed_secrets.h).
struct SecretUse {
  std::string variable;         // of the command's environment
  std::string name;             // of the secret
  bool as_environment = false;  // the variable holds the value; else the path of a file with it
};

// Stands for the service's folder in an order whose program is in an image: where that is, the
// image says, and the runner puts it in (in root, command, environment and placeholders). Nobody
// types it: the bytes around the word are control characters.
inline constexpr char kRootOfImage[] = "/\x1droot\x1d";

struct Order {
  std::string run, task;

  std::vector<std::string> command;      // program and arguments, placeholders already replaced
  std::vector<std::string> environment;  // all of it, "NAME=value"
  std::vector<SecretUse> secrets;

  // The service's folder, whose entries the working folder shows; empty: the working folder is
  // bare (Busker's own tasks); kRootOfImage: see there.
  std::string root;
  // Config file to expand into the working folder, relative to root ("configs/training.json");
  // empty: none. Placeholders "${NAME}" in it are replaced by `placeholders`, JSON-escaped.
  std::string config;
  std::map<std::string, std::string> placeholders;

  std::string store_url;             // where versions are (home/place.h)
  std::optional<std::string> input;  // key of the version to load into output/ first
  std::optional<std::string>
      output;  // key of the version to save output/ as; none: nothing is saved
  std::vector<std::string> required_outputs;  // files that output/ must hold in the end

  // The command may be run again when it is not known how it ended (Busker's own steps, whose
  // second time finds the work done). Any other is never started twice.
  bool repeatable = false;

  // Is every step synced to disk before the next one? An order whose end is on record elsewhere
  // before anything follows from it, and that saves no output, need not be. Then a power cut can
  // take all that the attempt left, so it is lost unless it is known to be of this boot.
  bool synced = true;

  std::optional<Milliseconds> timeout;          // of the command; none: no limit
  Milliseconds grace{10'000};                   // from SIGTERM to SIGKILL
  std::uint64_t log_head_bytes_max = 8u << 20;  // kept from the start of the output
  std::uint64_t log_tail_bytes_max = 8u << 20;  // kept from its end

  // Facts for the manifest.
  Instant scheduled_at{};
  std::string data_date;

  // What is known of the attempt when it is launched: Open sets it, the text has nothing of it.
  int number = 1;       // attempts of a task count from 1
  std::string mark;     // the entry of `environment` that no other attempt has; may be empty
  std::string boot;     // of the kernel, when it was decided on (io::BootId); empty: not known
  home::Folder home{};  // in which places are named
  std::string image;    // that the runner's container is of, by digest or id; empty: it is in none
};

// Its text, of format 2; an order of a later format is refused.
std::string OrderToJson(const Order& order);
Result<Order> OrderFromJson(const std::string& text);

// What goes round the order of a task when an attempt of it is launched.
struct Envelope {
  int number = 1;
  std::string instance =
      {};  // of the home that launches it; empty: an earlier version of Busker did
  std::string boot = {};
  home::Folder home = {};
};

// What the runner is handed. `order` is the text of OrderToJson, and is not looked at.
std::string Seal(const Envelope& envelope, std::string_view order);

// The same, as if it were launched in that boot: by a machine elsewhere that owns its start
// (attempt/remote.h), whose boot is not the executor's. kInvalid: it is in no envelope.
Result<std::string> SealInBoot(const std::string& sealed, const std::string& boot);

// The order, complete: with what the envelope says, the attempt's name and mark in the environment,
// and the home for Busker's own steps. What an earlier version of Busker handed over, an order
// without an envelope, is read, too.
Result<Order> Open(const std::string& text);

inline constexpr std::size_t kSecretUsesMax = 64;

}  // namespace busker::attempt
