#include "serve/token_deeds.h"

namespace busker::serve {

Result<std::string> CreateToken(const access::TokenFile& tokens, const std::string& name,
                                access::Scope scope, const access::Confines& confines,
                                const std::string& by, const daemon::Ledger& ledger) {
  record::Deed deed{by, "token create", "token created",
                    access::DescribeToken(name, NameOf(scope), confines)};
  return daemon::Do(ledger, deed, [&] { return tokens.Add(name, scope, by, Now(), confines); });
}

Result<void> RevokeToken(const access::TokenFile& tokens, const std::string& name,
                         const std::string& by, const daemon::Ledger& ledger) {
  record::Deed deed{by, "token revoke", "token revoked", name};
  return daemon::Do(ledger, deed, [&] { return tokens.Revoke(name); });
}

}  // namespace busker::serve
