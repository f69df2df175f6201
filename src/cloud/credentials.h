// Who we are to a cloud: bearer tokens, fetched when they are needed and kept while they are good.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "base/result.h"
#include "io/interrupt.h"

namespace busker::cloud {

struct BearerToken {
  std::string text;
  io::SteadyInstant good_until;
};

// Any thread. While one thread fetches a token, others who need it wait for that.
class Credentials {
 public:
  // Where tokens come from: signed here, or asked of a server. Called by one thread at a time, for
  // which others wait: so it has a short limit of its own.
  using Source = std::function<Result<BearerToken>(const io::Interrupt&)>;

  Credentials() = default;  // none: for who asks for nobody's
  explicit Credentials(Source source, std::string quota_project = {})
      : source_(std::move(source)), quota_project_(std::move(quota_project)) {}

  // The project whose quota calls count against, which each of them names; empty: that of who
  // calls.
  const std::string& quota_project() const { return quota_project_; }

  // "Bearer ...", good for kSpare at least; empty when there are none. Errors are the source's.
  Result<std::string> Authorization(const io::Interrupt& interrupt);

  // A server did not take it: it is not handed out again. Is there hope for another one? Waits for
  // nobody.
  bool Refuse(const std::string& authorization);

  static constexpr std::chrono::seconds kSpare{225};  // as Google's clients have it

 private:
  const Source source_;
  const std::string quota_project_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable fetched_;
  bool is_fetching_ = false;  // one thread looks for a token at a time
  BearerToken token_;         // no text: none was fetched yet
};

}  // namespace busker::cloud
