#include "serve/admin_api.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "http/json_body.h"
#include "http/problem.h"
#include "serve/describe.h"
#include "serve/token_deeds.h"

namespace busker::serve {

using nlohmann::ordered_json;

void AdminApi::AddRoutes(Routes& routes) {
  routes.Add({http::Method::kGet, "/api/v1/tokens", access::Scope::kAdmin,
              "The tokens that there are; not their secrets, which nobody keeps.",
              [this](const Call&) { return ListTokens(); }});
  routes
      .Add(
          {http::Method::kPost, "/api/v1/tokens", access::Scope::kAdmin,
           "Makes a token: {name, scope, confines}. Its secret is in this answer, and never again.",
           [this](const Call& call) { return CreateToken(call); }})
      .body = {
      {"name", http::Field::Kind::kText, "of the token; there is none of that name", true},
      {"scope", http::Field::Kind::kText, "predict, viewer (the default), operator or admin"},
      {"confines", http::Field::Kind::kTexts,
       "the services, actions (SERVICE/ACTION) and graph files that it is confined to"}};
  routes.Add({http::Method::kPost, "/api/v1/tokens/{token}/revoke", access::Scope::kAdmin,
              "Revokes a token; takes effect at once.",
              [this](const Call& call) { return RevokeToken(call); }});
}

http::Response AdminApi::ListTokens() {
  const auto tokens = tokens_.Read();
  if (!tokens) return http::Problem(tokens.error());
  ordered_json list = ordered_json::array();
  for (const access::Token& token : *tokens) list.push_back(Describe(token));
  return http::JsonResponse({{"tokens", list}});
}

http::Response AdminApi::CreateToken(const Call& call) {
  std::string name, scope_name = "viewer";
  access::Confines confines;
  auto body = http::JsonBody::Of(call.request);
  if (!body) return http::Problem(body.error());
  body->Get("name", name);
  body->Get("scope", scope_name);
  body->Get("confines", confines);
  if (const auto fine = body->Finish(); !fine) return http::Problem(fine.error());
  const auto scope = access::ParseScope(scope_name);
  if (!scope) return http::Problem(400, "\"scope\" is predict, viewer, operator or admin");
  const auto secret =
      serve::CreateToken(tokens_, name, *scope, confines, call.caller.name, audit_.ledger());
  if (!secret) return http::Problem(secret.error());
  return http::JsonResponse({{"name", name}, {"scope", scope_name}, {"token", *secret}}, 201);
}

http::Response AdminApi::RevokeToken(const Call& call) {
  const auto revoked =
      serve::RevokeToken(tokens_, call.At("token"), call.caller.name, audit_.ledger());
  if (!revoked) return http::Problem(revoked.error());
  return http::JsonResponse({{"done", true}});
}

}  // namespace busker::serve
