// A webhook's signature and its delivery.
#pragma once

#include <string>
#include <string_view>

#include "notify/send_once.h"

namespace busker::notify {

// "v1," and the base64 of HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"): the webhook-signature header of
// Standard Webhooks 1.0.0. kInvalid for a secret that says whsec_ and is not base64.
Result<std::string> Sign(std::string_view secret, std::string_view id, std::string_view timestamp,
                         std::string_view body);

Result<void> DeliverWebhook(io::HttpSession& http, const Webhook& webhook, const Notice& notice,
                            const SendOptions& options);

}  // namespace busker::notify
