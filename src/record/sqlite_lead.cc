#include "record/sqlite_lead.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"

namespace busker::record {
namespace {

// While it lives, what is committed is not synced by itself. Around transactions, not within one.
class Unsynced {
 public:
  explicit Unsynced(Database& database) : database_(database) {
    (void)database_.Execute("PRAGMA synchronous = NORMAL");
  }
  Unsynced(const Unsynced&) = delete;
  Unsynced& operator=(const Unsynced&) = delete;
  ~Unsynced() { (void)database_.Execute("PRAGMA synchronous = FULL"); }

 private:
  Database& database_;
};

std::optional<Instant> EndOf(Instant now, const std::optional<Milliseconds>& lease) {
  return lease ? std::optional(now + *lease) : std::nullopt;
}

Result<void> Write(Database& database, const Lead& lead) {
  TRY_ASSIGN(Statement update,
             database.Prepare("UPDATE lead SET epoch = ?, holder = ?, until = ?"));
  return update.Bind(lead.epoch).Bind(lead.holder).Bind(lead.until).Run();
}

}  // namespace

Result<Lead> ReadLead(Database& database) {
  TRY_ASSIGN(Statement row, database.Prepare("SELECT epoch, holder, until FROM lead"));
  TRY_ASSIGN(const bool found, row.Step());
  if (!found) {
    return Unusable("the record " + database.path() + " has lost who leads it; run busker fsck");
  }
  return Lead{row.Integer(0), row.Text(1), row.MaybeTime(2)};
}

Result<Epoch> TakeLead(Database& database, const std::string& holder, Instant now,
                       const std::optional<Milliseconds>& lease) {
  CHECK(!holder.empty(), "who leads has a name");
  const Unsynced unsynced(database);
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(database));
  TRY_ASSIGN(const Lead lead, ReadLead(database));
  const bool is_free =
      lead.holder.empty() || lead.holder == holder || (lead.until && *lead.until <= now);
  if (!is_free) {
    return Temporary(fmt::format("{} leads the record {}{}", lead.holder, database.path(),
                                 lead.until ? " until " + FormatRfc3339(*lead.until) : ""));
  }
  const Epoch epoch = std::max<Epoch>(lead.epoch + 1, now.time_since_epoch().count());
  TRY(Write(database, {epoch, holder, EndOf(now, lease)}));
  TRY(transaction.Commit());
  return epoch;
}

Result<void> KeepLead(Database& database, Epoch epoch, Instant now,
                      const std::optional<Milliseconds>& lease) {
  const Unsynced unsynced(database);
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(database));
  TRY(CheckEpoch(database, epoch));
  TRY_ASSIGN(const Lead lead, ReadLead(database));
  TRY(Write(database, {epoch, lead.holder, EndOf(now, lease)}));
  return transaction.Commit();
}

// The epoch ends with it: nobody has the next until somebody takes it, which is one more.
Result<void> GiveUpLead(Database& database, Epoch epoch) {
  const Unsynced unsynced(database);
  TRY_ASSIGN(Transaction transaction, Transaction::Begin(database));
  TRY(CheckEpoch(database, epoch));
  TRY(Write(database, {epoch + 1, "", std::nullopt}));
  return transaction.Commit();
}

Result<void> CheckEpoch(Database& database, Epoch epoch) {
  TRY_ASSIGN(Statement row, database.Prepare("SELECT epoch FROM lead"));
  TRY_ASSIGN(const bool found, row.Step());
  if (found && row.Integer(0) == epoch) return {};
  TRY_ASSIGN(const Lead lead, ReadLead(database));
  return tl::unexpected(LeadLost(epoch, lead.epoch));
}

}  // namespace busker::record
