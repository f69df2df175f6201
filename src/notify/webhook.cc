#include "notify/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/check.h"
#include "io/http_session.h"
#include "io/url.h"

namespace busker::notify {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";

// Stricter than OpenSSL, which takes "=" for a zero anywhere, and blanks around it all.
bool IsBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return false;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
}

Result<std::string> KeyOf(std::string_view secret) {
  if (!secret.starts_with(kSecretPrefix)) return std::string(secret);
  const std::string_view text = secret.substr(kSecretPrefix.size());
  if (!IsBase64(text)) {
    return Invalid("the webhook's secret begins with whsec_, but what follows is not base64");
  }
  auto key = io::FromBase64(text);
  CHECK(key, "OpenSSL reads base64");
  return *std::move(key);
}

Result<void> JudgeStatus(int status, const std::string& origin) {
  if (status >= 200 && status < 300) return {};
  const std::string answered = origin + " answered " + std::to_string(status);
  constexpr int kGone = 410;
  if (status == kGone) return NotFound(answered + ": it is gone for good");
  if (status >= 300 && status < 400) {
    return Temporary(answered + ", a redirect, which is not followed: give the final URL");
  }
  return Temporary(answered);
}

}  // namespace

Result<std::string> Sign(std::string_view secret, std::string_view id, std::string_view timestamp,
                         std::string_view body) {
  TRY_ASSIGN(const std::string key, KeyOf(secret));
  const std::string text = std::string(id) + "." + std::string(timestamp) + "." + std::string(body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  const auto* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &length);
  CHECK(made != nullptr, "OpenSSL makes an HMAC");
  return "v1," + io::Base64Of({reinterpret_cast<const char*>(digest), length});
}

Result<void> DeliverWebhook(io::HttpSession& http, const Webhook& webhook, const Notice& notice,
                            const SendOptions& options) {
  io::HttpRequest request;
  request.method = "POST";
  request.url = webhook.url;
  request.body = ToJson(notice);
  const std::string timestamp = std::to_string(
      std::chrono::floor<std::chrono::seconds>(options.now.time_since_epoch()).count());
  request.headers = {{"Content-Type", "application/json"},
                     {"Idempotency-Key", notice.key},
                     {"webhook-id", notice.key},
                     {"webhook-timestamp", timestamp}};
  if (!webhook.secret.empty()) {
    TRY_ASSIGN(std::string signature, Sign(webhook.secret, notice.key, timestamp, request.body));
    request.headers.push_back({"webhook-signature", std::move(signature)});
  }
  request.is_repeatable = true;  // by its key
  request.connect_limit = options.connect_limit;
  request.response_bytes_max = 0;  // the status says all
  TRY_ASSIGN(const io::HttpResponse response,
             http.Send(request, io::Within(options.exchange_limit, options.stop)));
  return JudgeStatus(response.status, io::OriginOf(webhook.url));
}

}  // namespace busker::notify
