// One delivery: a notice, a channel, one try.
#pragma once

#include <stop_token>

#include "base/result.h"
#include "base/time.h"
#include "io/http_session.h"
#include "notify/channel.h"
#include "notify/notice.h"

namespace busker::notify {

struct SendOptions {
  Instant now;                          // the time of sending, which a signature holds
  Milliseconds connect_limit{5'000};    // to reach a server
  Milliseconds exchange_limit{10'000};  // a webhook, or a mail, as a whole
  Milliseconds command_limit{60'000};   // a command; then it is killed
  std::stop_token stop;                 // ends the try early: kTemporary
};

// Tries once, within the limits; webhooks by `http`. Success is: the webhook answered 2xx, the
// command ended with 0, the mail server took the mail. An answer's text is neither kept nor shown.
//
// On an error the receiver may have the notice nevertheless; that is what the key is for.
// kTemporary, kTimedOut: try again, later. Any other kind: it will not work this way, ever: a URL
// or address that cannot be, a link-local address, a webhook that answered 410 (gone).
Result<void> SendOnce(io::HttpSession& http, const Channel& channel, const Notice& notice,
                      const SendOptions& options);

// Is there a point in trying again after this error of SendOnce?
bool MayTryAgain(const Error& error);

}  // namespace busker::notify
