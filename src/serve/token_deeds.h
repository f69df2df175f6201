// Tokens, made and revoked: by a verb and over HTTP alike.
#pragma once

#include <string>

#include "access/tokens.h"
#include "daemon/ledger.h"

namespace busker::serve {

// The token itself; errors as TokenFile::Add.
Result<std::string> CreateToken(const access::TokenFile& tokens, const std::string& name,
                                access::Scope scope, const access::Confines& confines,
                                const std::string& by, const daemon::Ledger& ledger);

// Errors as TokenFile::Revoke.
Result<void> RevokeToken(const access::TokenFile& tokens, const std::string& name,
                         const std::string& by, const daemon::Ledger& ledger);

}  // namespace busker::serve
