#include "cloud/identity.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_object.h"
#include "base/text.h"
#include "cloud/endpoint.h"
#include "cloud/federated_identity.h"
#include "cloud/impersonation.h"
#include "cloud/service_account.h"
#include "cloud/user_account.h"

namespace busker::cloud {
namespace {

using nlohmann::ordered_json;

constexpr char kAs[] = "impersonated_service_account";
constexpr char kTaken[] =
    "Busker takes authorized_user, service_account, external_account and "
    "impersonated_service_account";

Result<Identity> IdentityIn(const ordered_json& file, const std::shared_ptr<io::HttpSession>& http,
                            const RetryPolicy& policy);

Result<Credentials::Source> TokensOfImpersonated(const ordered_json& file,
                                                 const std::string& quota_project,
                                                 const std::shared_ptr<io::HttpSession>& http,
                                                 const RetryPolicy& policy) {
  Impersonation as;
  JsonObject in(file, "the configuration");
  in.Get("service_account_impersonation_url", as.url);
  const ordered_json& delegates = in.Member("delegates");
  in.Require("source_credentials");
  TRY(in.Done());
  for (const ordered_json& one : delegates) {
    if (!one.is_string()) return Invalid("delegates: one of them is not text");
    as.delegates.push_back(one.get<std::string>());
  }
  const ordered_json& source = in.Member("source_credentials");
  if (source.is_object() && source.value("type", ordered_json()) == kAs) {
    return Invalid(
        "source_credentials: it is of the type impersonated_service_account itself; "
        "accounts on the way belong into \"delegates\"");
  }
  auto who = IdentityIn(source, http, policy);
  if (!who) return Wrap("source_credentials", who.error());
  std::string project = who->quota_project.empty() ? quota_project : who->quota_project;
  return TokensBy(std::move(as), std::make_shared<Credentials>(std::move(who->source), project),
                  http, policy);
}

Result<Credentials::Source> SourceIn(const std::string& type, const ordered_json& file,
                                     const Identity& identity,
                                     const std::shared_ptr<io::HttpSession>& http,
                                     const RetryPolicy& policy) {
  if (type == "authorized_user") return TokensOfUser(file, http, policy);
  if (type == "service_account") {
    TRY_ASSIGN(ServiceAccount account, ServiceAccountIn(file));
    return TokensOf(std::move(account));
  }
  if (type == "external_account") return TokensOfFederated(file, identity.universe, http, policy);
  if (type == kAs) return TokensOfImpersonated(file, identity.quota_project, http, policy);
  return Invalid(fmt::format("it has credentials of the type {}; {}", Printable(type), kTaken));
}

Result<Identity> IdentityIn(const ordered_json& file, const std::shared_ptr<io::HttpSession>& http,
                            const RetryPolicy& policy) {
  std::optional<std::string> type, quota_project, universe;
  JsonObject in(file, "the file");
  in.Get("type", type);
  in.Get("quota_project_id", quota_project);
  in.Get("universe_domain", universe);
  TRY(in.Done());
  if (!type) return Invalid("it is not a file of Google's with credentials: it has no \"type\"");
  Identity identity{{}, quota_project.value_or(""), universe.value_or(kUniverse)};
  TRY_ASSIGN(identity.source, SourceIn(*type, file, identity, http, policy));
  identity.type = *type;
  const auto account = file.find("client_email");
  if (account != file.end() && account->is_string()) identity.account = account->get<std::string>();
  return identity;
}

}  // namespace

Result<Identity> ParseIdentity(const std::string& text,
                               const std::shared_ptr<io::HttpSession>& http,
                               const RetryPolicy& policy) {
  // Where it is wrong is not told: what stands there may be a key.
  const auto file = ordered_json::parse(text, nullptr, false);
  if (!file.is_object())
    return Invalid("it is not a file of Google's with credentials: no JSON object");
  return IdentityIn(file, http, policy);
}

}  // namespace busker::cloud
