#include "prepare/first_check.h"

#include <fmt/core.h>

#include "io/temporary_folder.h"
#include "predict/loaded_version.h"

namespace busker::prepare {
namespace {

// For the copy of a model whose store is elsewhere.
Result<io::TemporaryFolder> MakeScratch() { return io::TemporaryFolder::Make("busker-check"); }

}  // namespace

Result<std::string> CheckFirst(artifact::Store& store, const artifact::Manifest& version,
                               const io::Interrupt& interrupt) {
  if (predict::ServableOf(version) == predict::Servable::kNoModel) return std::string();
  TRY_ASSIGN(const io::TemporaryFolder scratch, MakeScratch());
  const auto checked = predict::CheckServing(store, version, scratch.path(), interrupt);
  if (checked)
    return checked->was_asked ? "served online: " + checked->sentence : checked->sentence;
  if (checked.error().kind != ErrorKind::kInvalid) return tl::unexpected(checked.error());
  return Invalid(fmt::format("{} cannot be served as it was trained: {}", version.name.timestamp,
                             checked.error().message));
}

Result<Serving> LookAtServing(artifact::Store& store, const artifact::Manifest& version,
                              const io::Interrupt& interrupt) {
  if (predict::ServableOf(version) == predict::Servable::kNoModel) {
    return Serving{false, "not served online: it has no model that is served here", {}, {}};
  }
  TRY_ASSIGN(const io::TemporaryFolder scratch, MakeScratch());
  Serving serving;
  const auto loaded = predict::LoadVersion(store, version, scratch.path(), interrupt);
  if (loaded) {
    serving = {true, "", (*loaded)->model->Describe(), (*loaded)->signature,
               (*loaded)->sample_size};
    serving.sentence =
        fmt::format("served online: its sample of {} came out right", serving.sample_size);
    return serving;
  }
  serving.sentence = "not served online: " + loaded.error().message;
  const auto signature = predict::SignatureOf(store, version, scratch.path(), interrupt);
  if (signature) serving.signature = *signature;
  return serving;
}

}  // namespace busker::prepare
