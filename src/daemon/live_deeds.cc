#include "daemon/live_deeds.h"

#include <fmt/core.h>

#include "model/versions.h"
#include "prepare/first_check.h"

namespace busker::daemon {
namespace {

constexpr char kUnchecked[] = "unchecked";

std::string DetailOf(const model::LiveMove& move) {
  return fmt::format("{}: {}{}", move.version.Key(), move.why,
                     move.check == kUnchecked ? " (unchecked)" : "");
}

model::Pinned PinnedFor(const MoveRequest& request) {
  return request.unpin ? model::Pinned::kUnpin : model::Pinned::kRefuse;
}

model::FirstCheck CheckFor(const MoveRequest& request, artifact::Store& store,
                           const io::Interrupt& interrupt) {
  return [&request, &store, &interrupt](const artifact::Manifest& version) -> Result<std::string> {
    if (request.unchecked) return kUnchecked;
    auto checked = prepare::CheckFirst(store, version, interrupt);
    if (checked || checked.error().kind != ErrorKind::kInvalid) return checked;
    return Invalid(checked.error().message + "; --unchecked makes it live all the same");
  };
}

Result<artifact::VersionName> Find(const model::Versions& versions, const service::Service& service,
                                   const std::string& version) {
  return model::FindVersion(versions, service.name, service.version, version);
}

Result<model::Versions> Read(artifact::Store& store, const service::Service& service,
                             const io::Interrupt& interrupt) {
  return model::ReadVersions(store, service.name, service.version, service::Promoting(service),
                             interrupt);
}

}  // namespace

Result<model::LivePointer> Promote(artifact::Store& store, const service::Service& service,
                                   const std::string& version, const MoveRequest& request,
                                   const Ledger& ledger, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const model::Versions versions, Read(store, service, interrupt));
  TRY_ASSIGN(const artifact::VersionName name, Find(versions, service, version));
  const model::Ruling* const ruling = model::FindRuling(versions.rulings, name);
  const bool waited = ruling != nullptr && ruling->waits;
  const model::LiveMove move{
      name, request.by, waited ? fmt::format("approved: {}", request.why) : request.why, Now()};
  record::Deed deed{request.by, "promote", "live pointer moved", DetailOf(move)};
  return Do(ledger, deed, [&]() -> Result<model::LivePointer> {
    TRY_ASSIGN(model::LivePointer moved, model::Promote(store, move, interrupt, PinnedFor(request),
                                                        CheckFor(request, store, interrupt)));
    if (moved.now.version == move.version) deed.detail = DetailOf(moved.now);
    if (waited) TRY(model::NoteApproval(store, name, request.by, interrupt));
    return moved;
  });
}

Result<model::LivePointer> Rollback(artifact::Store& store, const service::Service& service,
                                    const MoveRequest& request, const Ledger& ledger,
                                    const io::Interrupt& interrupt) {
  record::Deed deed{request.by, "rollback", "live pointer moved", service.name};
  return Do(ledger, deed, [&] {
    auto moved = model::Rollback(store, service.name, service.version, request.by, Now(), interrupt,
                                 PinnedFor(request), CheckFor(request, store, interrupt));
    if (moved) deed.detail = DetailOf(moved->now);
    return moved;
  });
}

Result<model::LivePointer> Pin(artifact::Store& store, const service::Service& service,
                               const std::string& version, const std::string& by,
                               const std::string& why, const Ledger& ledger,
                               const io::Interrupt& interrupt) {
  TRY_ASSIGN(const model::Versions versions, Read(store, service, interrupt));
  TRY_ASSIGN(const artifact::VersionName name, Find(versions, service, version));
  if (why.empty()) return Invalid("a pin says why: that is all that others are told of it");
  record::Deed deed{by, "pin", "live pointer pinned", fmt::format("{}: {}", name.Key(), why)};
  return Do(ledger, deed, [&] { return model::PinLive(store, name, {by, why, Now()}, interrupt); });
}

Result<model::LivePointer> Unpin(artifact::Store& store, const service::Service& service,
                                 const std::string& by, const Ledger& ledger,
                                 const io::Interrupt& interrupt) {
  record::Deed deed{by, "unpin", "live pointer unpinned", service.name};
  return Do(ledger, deed, [&] {
    auto unpinned = model::Unpin(store, service.name, service.version, interrupt);
    if (unpinned) deed.detail = unpinned->now.version.Key();
    return unpinned;
  });
}

}  // namespace busker::daemon
