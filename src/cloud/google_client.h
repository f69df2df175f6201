// Calls to Google's JSON APIs: as whoever the credentials are of, and again when it may help.
#pragma once

#include <memory>

#include "base/result.h"
#include "cloud/credentials.h"
#include "cloud/retry.h"
#include "io/http_session.h"

namespace busker::cloud {

// Any thread, and many at once.
class GoogleClient {
 public:
  // What is shared with others is their tokens and connections.
  explicit GoogleClient(std::shared_ptr<Credentials> credentials, RetryPolicy policy = {},
                        std::shared_ptr<io::HttpSession> http = std::make_shared<io::HttpSession>())
      : http_(std::move(http)), credentials_(std::move(credentials)), policy_(policy) {}

  const RetryPolicy& policy() const { return policy_; }

  // One try; a token that is not taken is replaced once. Whatever is answered is no error.
  Result<io::HttpResponse> SendOnce(io::HttpRequest request, const io::Interrupt& interrupt);

  struct Answer {
    io::HttpResponse response;
    // An earlier try failed in a way that does not tell whether it was carried out.
    bool is_doubtful = false;
  };
  // Tries until there is an answer that would not be another a little later. For requests that may
  // be carried out twice, or that carry a condition which the second time does not hold.
  Result<Answer> Send(const io::HttpRequest& request, const io::Interrupt& interrupt);

 private:
  const std::shared_ptr<io::HttpSession> http_;
  const std::shared_ptr<Credentials> credentials_;
  const RetryPolicy policy_;
};

// Is this an error of a call that may be tried again: no connection, one that broke, silence?
// Errors of what the call was given, such as the file that it sends, are none.
bool IsPassing(const Error& error);

}  // namespace busker::cloud
