// The routes of administration: who may ask for what.
#pragma once

#include "access/tokens.h"
#include "serve/audit.h"
#include "serve/route.h"

namespace busker::serve {

// Its collaborators outlive it. Any thread.
class AdminApi {
 public:
  AdminApi(access::TokenFile tokens, Audit& audit) : tokens_(std::move(tokens)), audit_(audit) {}

  void AddRoutes(Routes& routes);

 private:
  http::Response ListTokens();
  http::Response CreateToken(const Call& call);
  http::Response RevokeToken(const Call& call);

  access::TokenFile tokens_;
  Audit& audit_;
};

}  // namespace busker::serve
