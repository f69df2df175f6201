#include "record/run_digest.h"

#include "record/event_chain.h"

namespace busker::record {
namespace {

constexpr const char* kRows[] = {
    "SELECT json_array(id, graph, due, scheduled_at, data_date, trigger, requested_by, "
    "request_key, "
    "requested_at, priority, force, batch, batch_runs_at_once, service_version, timestamp, "
    "model_version, definition, timeout_ms) FROM runs WHERE id = ?",
    "SELECT json_array(position, name, waits_for, rule, retries, retry_delay_ms, exponential, "
    "retry_delay_max_ms, pool, pool_slots, priority, cpus_milli, memory_bytes) FROM tasks WHERE "
    "run "
    "= ? ORDER BY position",
    "SELECT json_array(task, order_json) FROM orders WHERE run = ? ORDER BY task",
    // What runs of earlier versions do not have adds nothing to their digests.
    "SELECT json_array('target', target) FROM runs WHERE id = ? AND target <> ''",
    "SELECT json_array('place', name, place, place_tasks_max) FROM tasks WHERE run = ? AND place "
    "<> '' ORDER BY position",
    "SELECT json_array('preemptions', name, preemptions_max) FROM tasks WHERE run = ? AND "
    "preemptions_max > 0 ORDER BY position",
};

}  // namespace

Result<std::string> DigestOfRun(Database& database, const std::string& run) {
  EventHasher hasher;
  EventHash hash{};
  for (const char* const sql : kRows) {
    TRY_ASSIGN(Statement rows, database.Prepare(sql));
    rows.Bind(run);
    for (;;) {
      TRY_ASSIGN(const bool more, rows.Step());
      if (!more) break;
      hash = hasher.Of(hash, {0, 0, rows.View(0), "", "", "", ""});
    }
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char byte : hash) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[static_cast<unsigned char>(byte) & 0xF];
  }
  return hex;
}

}  // namespace busker::record
