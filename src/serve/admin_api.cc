#include "serve/admin_api.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "serve/describe.h"
#include "serve/json_body.h"
#include "serve/problem.h"

namespace busker::serve {

using nlohmann::ordered_json;

void AdminApi::AddRoutes(Router& router) {
  router.Add({Method::kGet, "/api/v1/tokens", Scope::kAdmin,
              "The tokens that there are; not their secrets, which nobody keeps.",
              [this](const Call&) { return ListTokens(); }});
  router
      .Add(
          {Method::kPost, "/api/v1/tokens", Scope::kAdmin,
           "Makes a token: {name, scope, confines}. Its secret is in this answer, and never again.",
           [this](const Call& call) { return CreateToken(call); }})
      .body = {{"name", Field::Kind::kText, "of the token; there is none of that name", true},
               {"scope", Field::Kind::kText, "predict, viewer (the default), operator or admin"},
               {"confines", Field::Kind::kTexts,
                "the services, actions (SERVICE/ACTION) and graph files that it is confined to"}};
  router.Add({Method::kPost, "/api/v1/tokens/{token}/revoke", Scope::kAdmin,
              "A token is none any more, at once.",
              [this](const Call& call) { return RevokeToken(call); }});
}

Response AdminApi::ListTokens() {
  const auto tokens = tokens_.Read();
  if (!tokens) return Problem(tokens.error());
  ordered_json list = ordered_json::array();
  for (const Token& token : *tokens) list.push_back(Describe(token));
  return JsonResponse({{"tokens", list}});
}

Response AdminApi::CreateToken(const Call& call) {
  std::string name, scope_name = "viewer";
  Confines confines;
  auto body = JsonBody::Of(call.request);
  if (!body) return Problem(body.error());
  body->Get("name", name);
  body->Get("scope", scope_name);
  body->Get("confines", confines);
  if (const auto fine = body->Finish(); !fine) return Problem(fine.error());
  const auto scope = ParseScope(scope_name);
  if (!scope) return Problem(400, "\"scope\" is predict, viewer, operator or admin");
  record::Deed deed{call.caller.name, "token create", "token created",
                    DescribeToken(name, scope_name, confines)};
  const auto secret =
      audit_.Do(deed, [&] { return tokens_.Add(name, *scope, call.caller.name, Now(), confines); });
  if (!secret) return Problem(secret.error());
  return JsonResponse({{"name", name}, {"scope", scope_name}, {"token", *secret}}, 201);
}

Response AdminApi::RevokeToken(const Call& call) {
  record::Deed deed{call.caller.name, "token revoke", "token revoked", call.At("token")};
  const auto revoked = audit_.Do(deed, [&] { return tokens_.Revoke(call.At("token")); });
  if (!revoked) return Problem(revoked.error());
  return JsonResponse({{"done", true}});
}

}  // namespace busker::serve
