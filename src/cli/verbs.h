// Every verb a person types: its options and its function, a file per verb. A verb prints what it
// found to standard output and returns the exit code; an Error becomes a line on standard error and
// the exit code of its kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace busker::cli {

// Where this program and what belongs to it are; found by app.
struct Installation {
  std::string version;
  std::string busker, runner, duckdb_library;  // paths
  std::vector<std::string> environment;        // of this process
  std::string user;                            // who types
};

// Options that every verb takes.
struct Common {
  const Installation* installation = nullptr;
  std::string folder = ".";  // -C
  std::string home;          // --home; empty: found by the folder
  std::string target;        // --target; empty: not said
  bool json = false;         // --json
  std::string by;            // --by; empty: who types
  std::string color;         // --color: auto, always or never; empty: auto

  // What the engine does by itself is by "busker", on record: a person of that name is told apart.
  std::string By() const {
    const std::string& who = by.empty() ? installation->user : by;
    return who == "busker" ? "user busker" : who;
  }
};

struct RunOptions {
  std::string action;
  std::optional<std::string> date;
  bool force = false;
  bool quiet = false;
  bool strict = false;  // a version that the gate refuses counts as a failure
  std::string wait = "10m";
  std::string version;  // that the action begins with; empty: as its input says
};
Result<int> Run(const Common& common, const RunOptions& options);

struct StartOptions {
  std::string action;
  std::optional<std::string> date;
  bool force = false;
  std::string key;
};
Result<int> Start(const Common& common, const StartOptions& options);

struct WaitOptions {
  std::string action, run;
  std::string limit;  // empty: none
};
Result<int> Wait(const Common& common, const WaitOptions& options);

struct CheckOptions {
  std::string action, run;
  bool strict = false;  // as of RunOptions
};
Result<int> Check(const Common& common, const CheckOptions& options);

struct UpOptions {
  std::vector<std::string> folders;
  bool quiet = false;
  bool paused = false;      // what was never seen before begins so
  std::optional<int> port;  // of the dashboard; 0: one that is free; none: as daemon.toml has it
};
Result<int> Up(const Common& common, const UpOptions& options);
// Hidden: what goes on with runs when nobody else does, until all have ended.
Result<int> Conduct(const Common& common);

struct RunVerbOptions {
  std::string run, task;
};
Result<int> Cancel(const Common& common, const RunVerbOptions& options);
Result<int> Retry(const Common& common, const RunVerbOptions& options);
Result<int> Skip(const Common& common, const RunVerbOptions& options);

struct PauseOptions {
  std::string action;
};
Result<int> Pause(const Common& common, const PauseOptions& options);
Result<int> Resume(const Common& common, const PauseOptions& options);

struct BackfillOptions {
  std::string action, from, to;
  bool dry_run = false, newest_first = false, retry_failed = false, force = false;
  int runs_at_once = 1;
};
Result<int> Backfill(const Common& common, const BackfillOptions& options);

struct ExplainOptions {
  std::string what, task;
};
Result<int> Explain(const Common& common, const ExplainOptions& options);

struct GraphRunOptions {
  std::string file;
  std::optional<std::string> date;
  bool quiet = false;
  std::string wait = "10m";
};
Result<int> GraphRun(const Common& common, const GraphRunOptions& options);

Result<int> Status(const Common& common);

struct RunsOptions {
  std::string action;
  std::optional<std::string> state, date, batch;  // "" is none of them, and not any
  std::uint64_t count = 20;
};
Result<int> ListRuns(const Common& common, const RunsOptions& options);

struct AuditOptions {
  bool all = false;     // also what followed by itself
  bool verify = false;  // only check the chain of events
  std::uint64_t count = 50;
};
Result<int> ListAudit(const Common& common, const AuditOptions& options);

struct NextOptions {
  std::string what;                 // an action's name, or a cron expression
  std::optional<std::string> zone;  // of an expression; none: UTC
  std::optional<std::string> from;  // a date, or RFC 3339; none: now
  std::uint64_t count = 10;
};
Result<int> Next(const Common& common, const NextOptions& options);

struct LogsOptions {
  std::string what;  // a run's id or an action's name; empty: the newest run
  std::string task;
  std::optional<int> attempt;
  bool follow = false;
  bool raw = false;                   // the bytes as they are stored
  std::optional<std::uint64_t> tail;  // so many lines at the end of each
};
Result<int> Logs(const Common& common, const LogsOptions& options);

struct ModelsOptions {
  std::vector<std::string> diff;  // two versions to compare; empty: all are listed
};
Result<int> Models(const Common& common, const ModelsOptions& options);

struct ShowOptions {
  std::string version;
};
Result<int> Show(const Common& common, const ShowOptions& options);

struct PromoteOptions {
  std::string version;
  std::string why = "by hand";
  bool unchecked = false;  // the version is not asked its sample first
  bool unpin = false;      // also from a version that is pinned
};
Result<int> Promote(const Common& common, const PromoteOptions& options);
Result<int> Rollback(const Common& common, const PromoteOptions& options);

struct PinOptions {
  std::string version, why;
};
Result<int> Pin(const Common& common, const PinOptions& options);
Result<int> Unpin(const Common& common);

struct QueryOptions {
  std::string sql;  // empty: from standard input
  bool csv = false, markdown = false;
  std::uint64_t rows = 1000;
};
Result<int> Query(const Common& common, const QueryOptions& options);

struct DeliveriesOptions {
  std::string table;
};
Result<int> ListDeliveries(const Common& common, const DeliveriesOptions& options);

struct UndoOptions {
  std::string delivery;
  bool force = false;  // also when somebody else has changed the table since
};
Result<int> Undo(const Common& common, const UndoOptions& options);

struct NewOptions {
  std::string name;
  bool python = false, cpp = false, shell = false;  // one of them; none: Python
};
Result<int> New(const Common& common, const NewOptions& options);
struct InitOptions {
  bool force = false;
};
Result<int> Init(const Common& common, const InitOptions& options);
struct BuildOptions {
  bool quiet = false;  // what is done on the way is not told
};
Result<int> Build(const Common& common, const BuildOptions& options);
Result<int> ValidateService(const Common& common);
Result<int> PrintSchema(const Common& common);
Result<int> Fsck(const Common& common);

struct ServeOptions {
  std::string model;  // NAME/VERSION, with `store`; empty: the service of the folder
  std::string store;  // URL
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;        // 0: $AIP_HTTP_PORT, else 8080
  bool any_port = false;         // whichever is free
  std::uint16_t threads = 0;     // 0: as many as there are processors
  std::string tokens;            // file; empty: that of the home
  bool without_tokens = false;   // whoever reaches the port may ask
  std::string certificate, key;  // files
  bool insecure_i_know = false;
  std::uint64_t rows_max = 10'000;
  std::string body_max = "16MiB";
};
Result<int> Serve(const Common& common, const ServeOptions& options);

struct PredictOptions {
  std::vector<std::string> words;  // [VERSION] FILE; without a version: the live one
};
Result<int> Predict(const Common& common, const PredictOptions& options);

// Hidden: one of Busker's own tasks, started under the runner (prepare/step.h).
struct StepOptions {
  std::string name, json;
};
Result<int> Step(const Common& common, const StepOptions& options);

struct TokenOptions {
  std::string name;
  std::string scope = "viewer";
  std::vector<std::string> only;  // services and graphs; empty: all
};
Result<int> CreateToken(const Common& common, const TokenOptions& options);
Result<int> ListTokens(const Common& common);
Result<int> RevokeToken(const Common& common, const TokenOptions& options);
Result<int> MakeLink(const Common& common);

struct OpenOptions {
  bool print = false;  // the address, and no browser
};
Result<int> OpenDashboard(const Common& common, const OpenOptions& options);

struct SecretOptions {
  std::string name;
};
Result<int> SetSecret(const Common& common, const SecretOptions& options);
Result<int> ListSecrets(const Common& common);
Result<int> RemoveSecret(const Common& common, const SecretOptions& options);

}  // namespace busker::cli
