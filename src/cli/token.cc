// busker token: who may ask the dashboard and the API, and for what.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "access/tokens.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "serve/token_deeds.h"

namespace busker::cli {
namespace {

using nlohmann::ordered_json;

access::TokenFile TokensOf(const Place& place) {
  return access::TokenFile(place.home.TokensFile());
}

}  // namespace

Result<int> CreateToken(const Common& common, const TokenOptions& options) {
  const auto scope = access::ParseScope(options.scope);
  if (!scope) {
    return Invalid(
        fmt::format("no scope \"{}\"; there are predict, viewer, operator, admin", options.scope));
  }
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  TRY(io::MakeFolders(place.home.folder, 0700));
  TRY_ASSIGN(const std::string secret,
             serve::CreateToken(TokensOf(place), options.name, *scope, options.only, common.By(),
                                LedgerOf(place.home)));
  if (common.json) {
    PrintJson({{"name", options.name},
               {"scope", options.scope},
               {"confines", options.only},
               {"token", secret}});
  } else {
    PrintLine(secret);
  }
  return 0;
}

Result<int> ListTokens(const Common& common) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  TRY_ASSIGN(const std::vector<access::Token> tokens, TokensOf(place).Read());
  ordered_json list = ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const access::Token& token : tokens) {
    list.push_back(Describe(token));
    std::string only;
    for (const std::string& each : token.confines) only += (only.empty() ? "" : ", ") + each;
    rows.push_back({token.name, std::string(access::NameOf(token.scope)),
                    only.empty() ? "all" : only, FormatRfc3339(token.created_at),
                    token.created_by});
  }
  if (common.json) {
    PrintJson(list);
  } else if (rows.empty()) {
    PrintLine("no token yet; busker token create NAME --scope viewer makes one");
  } else {
    Print(Table({{"TOKEN"}, {"SCOPE"}, {"OF"}, {"CREATED"}, {"BY"}}, rows));
  }
  return 0;
}

Result<int> RevokeToken(const Common& common, const TokenOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  TRY(serve::RevokeToken(TokensOf(place), options.name, common.By(), LedgerOf(place.home)));
  PrintLine(fmt::format("{} is a token no more", options.name));
  return 0;
}

Result<int> MakeLink(const Common& common) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  const daemon::Client client = ClientOf(place.home);
  if (!client.SomebodyListens()) {
    return NotFound(fmt::format("no busker up is at work in {}; it has the dashboard",
                                place.home.folder.string()));
  }
  TRY_ASSIGN(const std::string link, client.MakeLink(common.By()));
  PrintLine(link);
  return 0;
}

}  // namespace busker::cli
