// The routes of administration: who may ask for what.
#pragma once

#include "serve/audit.h"
#include "serve/router.h"
#include "serve/tokens.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class AdminApi {
 public:
  AdminApi(TokenFile tokens, Audit& audit) : tokens_(std::move(tokens)), audit_(audit) {}

  void AddRoutes(Router& router);

 private:
  Response ListTokens();
  Response CreateToken(const Call& call);
  Response RevokeToken(const Call& call);

  TokenFile tokens_;
  Audit& audit_;
};

}  // namespace busker::serve
