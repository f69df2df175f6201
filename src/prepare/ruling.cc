#include "prepare/ruling.h"

#include <fmt/core.h>

#include "attempt/order.h"
#include "prepare/step_result.h"

namespace busker::prepare {
namespace {

constexpr std::string_view kFile = "file://";

}  // namespace

Result<std::optional<model::Ruling>> Rulings::Of(const record::RunRow& run) {
  if (run.facts.service.empty() || !IsFinal(run.state)) return std::nullopt;
  for (const record::TaskRow& task : run.tasks) {
    if (const auto result = ResultOf(task); result && result->ruling) return result->ruling;
  }
  const auto recorded = record_.OrderOf(run.facts.id, run.facts.action);
  if (!recorded && recorded.error().kind == ErrorKind::kNotFound)
    return std::nullopt;  // never prepared
  TRY(recorded);
  TRY_ASSIGN(const attempt::Order order, attempt::OrderFromJson(recorded->text));
  if (!order.output) return std::nullopt;
  TRY_ASSIGN(const artifact::VersionName name, artifact::ParseVersionName(*order.output));
  TRY_ASSIGN(const std::string url, home::UrlOfPlace(order.store_url, home_));
  const std::string key = url + "\n" + name.service + "/" + name.service_version;
  auto known = read_.find(key);
  if (known == read_.end()) {
    // Who looks makes no store where one has been moved away.
    if (std::error_code error;
        url.starts_with(kFile) && !io::fs::exists(url.substr(kFile.size()), error)) {
      return std::nullopt;
    }
    TRY_ASSIGN(const auto store, artifact::OpenStore(url));
    TRY_ASSIGN(auto rulings, model::ReadRulings(*store, name.service, name.service_version,
                                                artifact::ForAnswer()));
    known = read_.emplace(key, std::move(rulings)).first;
  }
  const model::Ruling* ruling = model::FindRuling(known->second, name);
  return ruling == nullptr ? std::nullopt : std::optional(*ruling);
}

std::string_view WordOf(const model::Ruling& ruling) {
  if (!ruling.passed) return "refused";
  if (ruling.waits) return "waits for approval";
  return ruling.approved_by.empty() ? "passed" : "approved";
}

std::string Sentence(const model::Ruling& ruling) {
  return fmt::format("{} {}: {}", ruling.version.timestamp, WordOf(ruling), ruling.why);
}

}  // namespace busker::prepare
