#include "daemon/live_deeds.h"

#include <fmt/core.h>

#include "model/versions.h"

namespace busker::daemon {
namespace {

std::string DetailOf(const model::LiveMove& move) {
  return fmt::format("{}: {}", move.version.Key(), move.why);
}

}  // namespace

Result<model::LivePointer> Promote(artifact::Store& store, const service::Service& service,
                                   const std::string& version, const std::string& by,
                                   const std::string& why, const Ledger& ledger,
                                   const io::Interrupt& interrupt) {
  TRY_ASSIGN(const model::Versions versions,
             model::ReadVersions(store, service.name, service.version, service::Promoting(service),
                                 interrupt));
  TRY_ASSIGN(const artifact::VersionName name,
             model::FindVersion(versions, service.name, service.version, version));
  const model::LiveMove move{name, by, why, Now()};
  record::Deed deed{by, "promote", "live pointer moved", DetailOf(move)};
  return Do(ledger, deed, [&] { return model::Promote(store, move, interrupt); });
}

Result<model::LivePointer> Rollback(artifact::Store& store, const service::Service& service,
                                    const std::string& by, const Ledger& ledger,
                                    const io::Interrupt& interrupt) {
  record::Deed deed{by, "rollback", "live pointer moved", service.name};
  return Do(ledger, deed, [&] {
    auto moved = model::Rollback(store, service.name, service.version, by, Now(), interrupt);
    if (moved) deed.detail = DetailOf(moved->now);
    return moved;
  });
}

}  // namespace busker::daemon
