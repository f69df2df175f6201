#include "cloud/google_client.h"

#include <utility>

#include "cloud/google_error.h"
#include "io/url.h"

namespace busker::cloud {
namespace {

// Without a byte either way: a server that is thinking says something earlier.
constexpr Milliseconds kSilence{60'000};

}  // namespace

bool IsPassing(const Error& error) {
  return error.kind == ErrorKind::kTemporary || error.kind == ErrorKind::kTimedOut;
}

Result<io::HttpResponse> GoogleClient::SendOnce(io::HttpRequest request,
                                                const io::Interrupt& interrupt) {
  if (request.silence_limit.count() == 0) request.silence_limit = kSilence;
  TRY_ASSIGN(const std::string authorization, credentials_->Authorization(interrupt));
  if (authorization.empty()) return http_->Send(request, interrupt);
  if (const std::string& project = credentials_->quota_project(); !project.empty()) {
    request.headers.push_back({"x-goog-user-project", project});
  }
  request.headers.push_back({"Authorization", authorization});
  auto response = http_->Send(request, interrupt);
  const bool again = response && response->status == 401 && credentials_->Refuse(authorization) &&
                     (!request.source || request.source->rewind);
  if (!again) return response;
  TRY_ASSIGN(request.headers.back().value, credentials_->Authorization(interrupt));
  return http_->Send(request, interrupt);
}

Result<GoogleClient::Answer> GoogleClient::Send(const io::HttpRequest& request,
                                                const io::Interrupt& interrupt) {
  Tries tries(policy_, interrupt);
  for (bool is_doubtful = false;; is_doubtful = true) {
    auto response = SendOnce(request, interrupt);
    if (!response) {
      TRY(tries.CheckStillWanted());
      if (!IsPassing(response.error())) return tl::unexpected(std::move(response).error());
      TRY(tries.Again(response.error()));
    } else if (MayPass(response->status)) {
      TRY(tries.Again(GoogleError(*response, io::OriginOf(request.url)), RetryAfter(*response)));
    } else {
      return Answer{*std::move(response), is_doubtful};
    }
  }
}

}  // namespace busker::cloud
