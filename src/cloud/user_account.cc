#include "cloud/user_account.h"

#include <string>

#include "base/json_object.h"
#include "cloud/endpoint.h"
#include "cloud/token_server.h"

namespace busker::cloud {

Result<Credentials::Source> TokensOfUser(const nlohmann::ordered_json& file,
                                         std::shared_ptr<io::HttpSession> http,
                                         const RetryPolicy& policy) {
  std::string id, secret, refresh_token;
  std::optional<std::string> url;
  JsonObject in(file, "the login");
  in.Get("client_id", id);
  in.Get("client_secret", secret);
  in.Get("refresh_token", refresh_token);
  in.Get("token_uri", url);
  TRY(in.Done());
  TokenRequest request;
  request.url = url.value_or("https://oauth2.googleapis.com/token");
  if (const auto fine = CheckEndpoint(request.url); !fine) return Wrap("token_uri", fine.error());
  request.form = {{"grant_type", "refresh_token"},
                  {"client_id", id},
                  {"client_secret", secret},
                  {"refresh_token", refresh_token}};
  request.remedy = "log in again by `gcloud auth application-default login`";
  return [request, http = std::move(http), policy](const io::Interrupt& interrupt) {
    return AskForToken(http, request, policy, interrupt);
  };
}

}  // namespace busker::cloud
