// A service: a folder with a name, a version, a model program and actions; read from busker.toml
// and, where that is silent, from conventions (docs/service-file.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "service/fault.h"
#include "service/log_setting.h"
#include "service/schedule_setting.h"

namespace busker::service {

// One load of one file of output/ into one warehouse table.
struct DeliverySetting {
  std::string file;   // relative to output/: "predictions.csv"
  std::string table;  // "schema.table", placeholders still in it
  std::vector<std::pair<std::string, std::string>> schema;  // column -> BigQuery type name, in the
                                                            // order of the file; empty: inferred
  std::string write = "replace";                            // or "append", "partition"
  std::optional<std::uint64_t> rows_min;                    // fewer rows fail the delivery
  std::vector<std::string> key;         // columns; its rows are asked for by them; empty: not
  Position key_at;                      // where the file says it
  std::optional<Milliseconds> max_age;  // with a key: older rows are not answered
};

// A secret that the program gets, by its name (busker secret set NAME).
struct SecretSetting {
  std::string name;
  bool as_environment = false;  // the variable holds the value; else the path of a file with it
};
using Secrets = std::map<std::string, SecretSetting>;  // by the variable

// What an action finds in output/ when it begins: nothing; the live version; the newest version
// whose data date is before the run's; the one that a training has just saved, before its gate.
enum class Input : std::uint8_t { kNone, kLive, kAsOf, kCandidate };

struct Action {
  std::string name;
  std::vector<std::string> command;  // words, placeholders still in them
  Position command_at;               // where the file says it; line 0: by convention
  std::string config;  // "configs/training.json", in the program's folder; empty: none
  Secrets secrets;     // its own, and those of [model]
  Input input = Input::kNone;
  std::optional<std::string> schedule;  // five-field cron or @daily and its kin; checked
  std::string time_zone = "UTC";        // IANA name; checked
  std::optional<Instant> start, end;    // no instants of the schedule before and after
  plan::CatchUp catch_up = plan::CatchUp::kLatest;
  std::optional<Milliseconds> catch_up_window;  // older instants are not caught up
  std::optional<std::string> expected_by;  // "08:00", local to time_zone; each day if no schedule
  std::vector<std::string> after;          // actions; runs when each has succeeded
  std::string when_file;  // absolute; runs when it appears; "*" may stand in the last part
  plan::Overlap overlap = plan::Overlap::kQueue;  // "concurrency" in the file
  int runs_at_once = 1;
  bool depends_on_past = false;  // waits until the run before, by schedule, has succeeded
  int retries = 0;
  Milliseconds retry_delay{5'000};
  bool exponential = true;  // the delay doubles with each retry
  std::optional<Milliseconds> retry_delay_max;
  std::optional<Milliseconds> timeout;      // of one attempt
  std::optional<Milliseconds> run_timeout;  // of the whole run, retries and waits included
  std::string pool;                         // empty: none
  int pool_slots = 1;
  int priority = 0;                // -1000..1000, higher first
  int cpus_milli = 0;              // 1500: one and a half; 0: not said
  std::uint64_t memory_bytes = 0;  // 0: not said
  Position cpus_at, memory_at;
  std::uint64_t log_bytes_max = kLogBytes;  // kept of what it writes: half from each end
  bool promotes = false;                    // its versions may become live
  std::optional<std::string> promote_when;  // the gate; none: every version that was saved
  bool require_approval = false;            // what passes becomes live only when somebody says so
  std::vector<DeliverySetting> deliveries;
  std::string target;         // that its runs are at; empty: the service's
  std::string schedule_file;  // that its schedule is of, relative to the folder; empty: of none
  std::string definition;     // SHA-256 of busker.toml, the config and the schedule file, as they
                              // were read
};

// What a target says of the machines of a cloud that its attempts get, one each.
struct MachineSetting {
  std::string service_account;
  std::string network, subnetwork;  // empty: as the project has them
  bool public_ip = true;
  int disk_gib = 0;                           // 0: not said
  std::string disk_type;                      // empty: not said
  std::map<std::string, std::string> labels;  // beside those of Busker
  Milliseconds keep_on_failure{0};            // a machine stays so long when its attempt failed
  int spot_attempts = 0;  // so many attempts that may be preempted; 0: none on Spot machines
};

// A named set of places. Empty fields are the local ones.
struct Target {
  std::string name;
  std::string executor, image, artifacts, warehouse, log;
  MachineSetting machine = {};
  std::map<std::string, Position> at = {};  // by key: where the file says it
};

// What an image is made of (busker build). Empty: as the conventions have it.
struct ImageSetting {
  std::string base, python, dockerfile;
  Position dockerfile_at;
};

struct Service {
  std::string root;                                // absolute path of its folder
  std::string program_folder;                      // of its program, configs and source, below
                                                   // root: "service"; empty: root itself
  std::string name;                                // a Name (base/id.h)
  std::string version;                             // a Name
  bool has_file = false;                           // false: conventions alone
  std::map<std::string, std::string> environment;  // for the program; placeholders still in it
  std::vector<std::string> pass_environment;       // names of variables passed on
  Secrets secrets;                                 // of every action
  std::map<std::string, Action> actions;
  std::map<std::string, Target> targets;
  std::string target;  // that runs are at; empty: not said
  ImageSetting image;
  Notify notify;
  std::vector<std::string> warnings;  // sentences with their place: what may not be meant so

  // The folder that the program sees, absolute: ${ROOT}, and what `Action::config` is relative to.
  std::string ProgramRoot() const;
  // Of a path relative to that, one relative to root: for people.
  std::string Shown(const std::string& path) const;
};

// The actions whose versions may become live.
std::vector<std::string> Promoting(const Service& service);

// The actions that test each version of those before its gate: their input is the candidate.
std::vector<std::string> Testing(const Service& service);

// Checks the text of a gate (model::CheckGate, which this room may not include). `tests`: the
// actions whose metrics it may name ("testing.auc").
using GateCheck = std::function<Result<void>(const std::string& condition,
                                             const std::vector<std::string>& tests)>;

// Reads the service in `folder`. kInvalid with "busker.toml:7:3: unknown key ..., did you mean
// ...?" for the first fault (file, line, column, what is wrong, the remedy); kNotFound when the
// folder has neither busker.toml nor configs/*.json. With `check_gate`, each promote_when is
// checked by it.
Result<Service> LoadService(const std::string& folder, const GateCheck& check_gate = {});

// Every fault of the service that can be seen without running it, a sentence each, in file order:
// for `busker validate`. Besides what LoadService checks, each config must be there, hold known
// placeholders only, and be JSON. Empty: all is well.
std::vector<std::string> Validate(const std::string& folder, const GateCheck& check_gate = {});

// The action, or kNotFound naming those there are (and the nearest).
Result<const Action*> FindAction(const Service& service, const std::string& name);

// `text` with each ${NAME} replaced from `placeholders`, once: what a value brings in is not looked
// at again. An unknown or unclosed placeholder is kInvalid and names it.
Result<std::string> Expand(const std::string& text,
                           const std::map<std::string, std::string>& placeholders);

// Expand for a delivery's table: values become part of a name, so they are lower-cased and what is
// not [a-z0-9_] in them becomes '_': "${NAME}.predictions" -> "lifetime_value.predictions".
Result<std::string> ExpandTable(const std::string& table,
                                std::map<std::string, std::string> placeholders);

// Splits a command line into words as a POSIX shell would (blanks, quotes, backslash), with nothing
// else of a shell: | > $( and the like are ordinary characters. An open quote is kInvalid.
Result<std::vector<std::string>> SplitWords(const std::string& text);

// JSON Schema (draft 2020-12) of busker.toml, for editors.
std::string JsonSchema();

// A commented busker.toml for the service that the conventions find in `folder`, for `busker init`.
std::string InitialFile(const Service& service);

}  // namespace busker::service
