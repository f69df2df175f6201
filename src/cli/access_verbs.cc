// Verbs of who may do what: tokens, and secrets of programs.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"

namespace busker::cli {
namespace {

void AddTokenVerbs(VerbList& verbs) {
  const Common& common = verbs.common();
  auto& options = verbs.Keep<TokenOptions>();
  CLI::App* token = verbs.AddNoun(
      "token",
      "Who may use the dashboard and the HTTP API: busker token link | create | list | revoke.",
      "  busker token link                                 opens the dashboard, once\n"
      "  busker token create grafana --scope viewer        prints it, once\n"
      "  busker token create ada --scope operator --only churn\n"
      "  busker token revoke grafana\n");
  verbs.AddBelow(token, "link",
                 "Print a one-time address that opens the dashboard of the busker up at work here.",
                 [&common] { return MakeLink(common); });
  CLI::App* create =
      verbs.AddBelow(token, "create", "Make a token, and print it: it is not shown again.",
                     [&common, &options] { return CreateToken(common, options); });
  create->add_option("NAME", options.name, "what it is for")->required();
  create->add_option("--scope", options.scope, "what it permits (default viewer)")
      ->type_name("predict|viewer|operator|admin");
  create
      ->add_option("--only", options.only,
                   "only for this service, action (service/action) or graph file; repeatable")
      ->type_name("WHAT");
  verbs.AddBy(create);
  verbs.AddBelow(token, "list", "List the tokens.", [&common] { return ListTokens(common); });
  CLI::App* revoke = verbs.AddBelow(token, "revoke", "Revoke a token; takes effect at once.",
                                    [&common, &options] { return RevokeToken(common, options); });
  revoke->add_option("NAME", options.name, "the token")->required();
  verbs.AddBy(revoke);
}

void AddSecretVerbs(VerbList& verbs) {
  const Common& common = verbs.common();
  auto& options = verbs.Keep<SecretOptions>();
  CLI::App* secret = verbs.AddNoun(
      "secret", "Passwords and keys that programs need: busker secret set | list | remove.",
      "  busker secret set warehouse-password              asks for it, twice, without showing it\n"
      "  busker secret set api-key < file                  reads it\n"
      "  busker secret list\n");
  CLI::App* set =
      verbs.AddBelow(secret, "set",
                     "Set or replace a secret. The value comes from the terminal or from standard "
                     "input; a final line break is dropped.",
                     [&common, &options] { return SetSecret(common, options); });
  set->add_option("NAME", options.name, "what services call it")->required();
  verbs.AddBy(set);
  verbs.AddBelow(secret, "list", "List the secrets, without their values.",
                 [&common] { return ListSecrets(common); });
  CLI::App* remove =
      verbs.AddBelow(secret, "remove", "Remove a secret. Programs that use it fail from now on.",
                     [&common, &options] { return RemoveSecret(common, options); });
  remove->add_option("NAME", options.name, "the secret")->required();
  verbs.AddBy(remove);
}

}  // namespace

void AddAccessVerbs(VerbList& verbs) {
  AddTokenVerbs(verbs);
  AddSecretVerbs(verbs);
}

}  // namespace busker::cli
