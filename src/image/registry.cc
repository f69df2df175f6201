#include "image/registry.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/json_object.h"
#include "base/text.h"
#include "cloud/google_client.h"
#include "image/json.h"
#include "image/reference.h"
#include "io/digest.h"
#include "io/download.h"
#include "io/url.h"

namespace busker::image {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kManifestBytesMax = 4u << 20;  // as registries have it
constexpr Milliseconds kSilence{120'000};
constexpr Milliseconds kPingLimit{20'000};
// The first is short, so that whoever waits is told soon.
constexpr Milliseconds kConnectLimitAtFirst{2'000}, kConnectLimit{10'000};
constexpr Milliseconds kUnansweredMax{5'000};
const cloud::RetryPolicy kPolicy{Milliseconds(300), Milliseconds(10'000), Milliseconds(60'000)};

constexpr char kManifestTypes[] =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json";

// {"errors": [{"code": "DENIED", "message": "..."}]}
std::string WordsOf(const io::HttpResponse& response) {
  const ordered_json value = ordered_json::parse(response.body, nullptr, false);
  for (const ordered_json& error : In(value, "errors")) {
    const std::string message = TextIn(error, "message");
    const std::string code = TextIn(error, "code");
    if (!message.empty() || !code.empty()) return Printable(message.empty() ? code : message);
  }
  return fmt::format("it answered {}", response.status);
}

// A registry of Google's makes no repository by itself.
std::string_view RemedyForMissing(const io::HttpResponse& response) {
  if (response.body.find("NAME_UNKNOWN") == std::string::npos) return {};
  return "; it has no repository of that name: make it (at Google: `gcloud artifacts repositories "
         "create NAME --location=LOCATION --repository-format=docker`), or mend the image's name";
}

std::string HostOfRegistry(const std::string& name) {
  return name == "docker.io" ? "registry-1.docker.io" : name;
}

// The certificates that Docker would trust for it, by its own convention.
io::HttpSession::Settings TrustFor(const std::string& name) {
  io::HttpSession::Settings settings;
  std::error_code error;
  const io::fs::path folder = io::fs::path("/etc/docker/certs.d") / name;
  for (io::fs::directory_iterator entry(folder, error);
       !error && entry != io::fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".crt")
      settings.more_ca_files.push_back(entry->path().string());
  }
  return settings;
}

bool IsSafe(const std::string& url) {
  return url.starts_with("https://") || io::IsLoopbackHost(io::HostOf(url));
}

std::string PullScope(const std::string& repository) {
  return "repository:" + repository + ":pull";
}
std::string PushScope(const std::string& repository) {
  return "repository:" + repository + ":pull,push";
}

}  // namespace

Registry::Registry(std::string name, std::optional<Login> login, Say say)
    : name_(std::move(name)),
      login_(std::move(login)),
      say_(std::move(say)),
      connect_limit_(kConnectLimitAtFirst),
      http_(TrustFor(name_)) {}

// One request to the registry itself.
Result<io::HttpResponse> Registry::Ask(io::HttpRequest request, const io::Interrupt& interrupt) {
  request.connect_limit = connect_limit_;
  auto response = http_.Send(request, interrupt);
  has_answered_ = has_answered_ || response;
  return response;
}

// Until the next try. Where nothing has ever answered, most likely nothing will.
Result<void> Registry::WaitFor(cloud::Tries& tries, const Error& error,
                               std::optional<Milliseconds> retry_after) {
  const auto now = std::chrono::steady_clock::now();
  connect_limit_ = kConnectLimit;
  if (tries.failures() == 0) {
    waiting_since_ = now;
    say_("waiting for " + error.message);
  }
  if (!has_answered_ && now - waiting_since_ >= kUnansweredMax) {
    return Temporary(error.message +
                     "; nothing has answered there so far: is its name right, and does it run?");
  }
  return tries.Again(error, retry_after);
}

// Which scheme it speaks, asked without a login: the one that answers. A server that speaks TLS
// answers a plain request with 400, or not at all.
Result<void> Registry::FindOrigin(const io::Interrupt& interrupt) {
  if (!origin_.empty()) return {};
  const std::string host = HostOfRegistry(name_);
  if (!io::IsLoopbackHost(io::HostOf("https://" + host))) {
    origin_ = "https://" + host;
    return {};
  }
  io::HttpRequest ping;
  ping.url = "http://" + host + "/v2/";
  const auto plain = Ask(ping, io::Within(kPingLimit, interrupt));
  const bool is_plain = plain && (plain->status == 200 || plain->status == 401);
  if (!is_plain) {
    ping.url = "https://" + host + "/v2/";
    const auto safe = Ask(ping, io::Within(kPingLimit, interrupt));
    // A certificate that is not trusted is an answer, too.
    if (!safe && cloud::IsPassing(safe.error())) {
      return tl::unexpected(plain ? safe.error() : plain.error());
    }
  }
  origin_ = (is_plain ? "http://" : "https://") + host;
  return {};
}

Result<std::string> Registry::Origin(const io::Interrupt& interrupt) {
  cloud::Tries tries(kPolicy, interrupt);
  for (;;) {
    const auto found = FindOrigin(interrupt);
    if (found) return origin_;
    TRY(tries.CheckStillWanted());
    TRY(WaitFor(tries, Wrap("the registry " + name_, found.error()).value()));
  }
}

Result<std::string> Registry::TokenFor(const Scopes& scopes, const io::Interrupt& interrupt) {
  if (!IsSafe(challenge_->realm)) {
    return Failed(fmt::format("{} wants logins sent to {}, which does not speak TLS", name_,
                              io::OriginOf(challenge_->realm)));
  }
  io::HttpRequest request;
  request.silence_limit = kSilence;
  const std::string mark = challenge_->realm.find('?') == std::string::npos ? "?" : "&";
  const std::string service = "service=" + io::PercentEncoded(challenge_->service);
  if (login_ && !login_->identity_token.empty()) {
    request.method = "POST";
    request.url = challenge_->realm;
    request.is_repeatable = true;
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request.body = service + "&scope=" + io::PercentEncoded(Join(scopes, " ")) +
                   "&grant_type=refresh_token&client_id=busker&refresh_token=" +
                   io::PercentEncoded(login_->identity_token);
  } else {
    request.url = challenge_->realm + mark + service;
    for (const std::string& scope : scopes) request.url += "&scope=" + io::PercentEncoded(scope);
    if (login_) {
      request.headers.push_back(
          {"Authorization", io::BasicAuthorization(login_->user + ":" + login_->password)});
    }
  }
  const bool is_own = io::OriginOf(request.url) == origin_;
  TRY_ASSIGN(const io::HttpResponse response,
             is_own ? Ask(request, interrupt) : others_.Send(request, interrupt));
  if (response.status != 200) {
    return Refused(response, "ask for a token at " + io::OriginOf(request.url));
  }
  const ordered_json value = ordered_json::parse(response.body, nullptr, false);
  std::string token = TextIn(value, "token");
  if (token.empty()) token = TextIn(value, "access_token");
  if (!token.empty()) return "Bearer " + token;
  return Failed(fmt::format("{} gives no token that is understood", io::OriginOf(request.url)));
}

// Empty: nobody was asked who they are yet.
Result<std::string> Registry::Authorization(const Scopes& scopes, const io::Interrupt& interrupt) {
  if (!challenge_) return std::string();
  if (challenge_->scheme == "basic") {
    return login_ ? io::BasicAuthorization(login_->user + ":" + login_->password) : std::string();
  }
  if (challenge_->scheme != "bearer") return std::string();
  std::string& token = tokens_[scopes];
  if (token.empty()) {
    TRY_ASSIGN(token, TokenFor(scopes, interrupt));
  }
  return token;
}

Result<io::HttpResponse> Registry::SendOnce(io::HttpRequest request, const Scopes& scopes,
                                            const io::Interrupt& interrupt) {
  request.silence_limit = kSilence;
  TRY_ASSIGN(const std::string authorization, Authorization(scopes, interrupt));
  const bool is_own = io::OriginOf(request.url) == origin_;
  if (!authorization.empty() && is_own) {
    request.headers.push_back({"Authorization", authorization});
  }
  auto response = Ask(request, interrupt);
  const bool can_repeat = is_own && (!request.source || request.source->rewind);
  if (!response || response->status != 401 || !can_repeat) return response;
  // A store that a layer is redirected to may want a login, too: of this one it gets nothing.
  if (io::OriginOf(response->url) != origin_) return response;
  const Challenge challenge = ChallengeIn(response->Header("www-authenticate"));
  const bool is_new = !challenge_ || challenge.scheme == "bearer";  // a token may have ended
  if (!is_new || (challenge.scheme != "basic" && challenge.scheme != "bearer")) return response;
  challenge_ = challenge;
  tokens_.erase(scopes);
  TRY_ASSIGN(const std::string again, Authorization(scopes, interrupt));
  if (again.empty()) return response;
  std::erase_if(request.headers, [](const auto& header) { return header.name == "Authorization"; });
  request.headers.push_back({"Authorization", again});
  return Ask(std::move(request), interrupt);
}

// `request.url` is a path of the registry.
Result<io::HttpResponse> Registry::Send(io::HttpRequest request, const Scopes& scopes,
                                        const io::Interrupt& interrupt) {
  TRY_ASSIGN(const std::string origin, Origin(interrupt));
  request.url = origin + request.url;
  return UntilAnswered([&] { return SendOnce(request, scopes, interrupt); }, interrupt);
}

// Asks again while the registry is away, or says that it will answer otherwise a little later.
Result<io::HttpResponse> Registry::UntilAnswered(
    const std::function<Result<io::HttpResponse>()>& ask, const io::Interrupt& interrupt) {
  cloud::Tries tries(kPolicy, interrupt);
  for (;;) {
    auto response = ask();
    if (!response) {
      TRY(tries.CheckStillWanted());
      auto wrapped = Wrap("the registry " + name_, response.error());
      if (!cloud::IsPassing(response.error())) return wrapped;
      TRY(WaitFor(tries, wrapped.value()));
    } else if (cloud::MayPass(response->status)) {
      TRY(WaitFor(tries, Refused(*response, "go on").value(), cloud::RetryAfter(*response)));
    } else {
      return response;
    }
  }
}

tl::unexpected<Error> Registry::Refused(const io::HttpResponse& response,
                                        std::string_view what) const {
  const std::string words = fmt::format("the registry {}: {}: {}", name_, what, WordsOf(response));
  if (response.status == 404) return NotFound(words + std::string(RemedyForMissing(response)));
  if (cloud::MayPass(response.status)) return Temporary(words);
  if (response.status == 401 || response.status == 403) {
    return Failed(fmt::format("{}; {}", words,
                              login_ ? "is the login of docker login good for it?"
                                     : "docker login " + name_ + " says who you are"));
  }
  return Failed(words);
}

Result<Registry::Manifest> Registry::GetManifest(const std::string& repository,
                                                 const std::string& which,
                                                 const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = fmt::format("/v2/{}/manifests/{}", repository, which);
  request.headers.push_back({"Accept", kManifestTypes});
  request.response_bytes_max = kManifestBytesMax;
  TRY_ASSIGN(io::HttpResponse response, Send(request, {PullScope(repository)}, interrupt));
  const std::string what = fmt::format("get {}:{}", repository, which);
  if (response.status != 200) return Refused(response, what);
  if (response.cut) return Failed(fmt::format("the registry {}: {}: too long", name_, what));
  Manifest manifest;
  manifest.media_type = response.Header("content-type");
  manifest.text = std::move(response.body);
  manifest.digest = "sha256:" + io::Sha256Of(manifest.text);
  if (IsDigest(which) && which != manifest.digest) {
    return Failed(fmt::format("the registry {}: {}: other bytes than were asked for", name_, what));
  }
  return manifest;
}

Result<std::string> Registry::PutManifest(const std::string& repository, const std::string& which,
                                          const Manifest& manifest,
                                          const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.method = "PUT";
  request.url = fmt::format("/v2/{}/manifests/{}", repository, which);
  request.headers.push_back({"Content-Type", manifest.media_type});
  request.body = manifest.text;
  TRY_ASSIGN(const io::HttpResponse response, Send(request, {PushScope(repository)}, interrupt));
  const std::string what = fmt::format("push {}:{}", repository, which);
  if (response.status != 201 && response.status != 200) return Refused(response, what);
  const std::string answered(response.Header("docker-content-digest"));
  if (!answered.empty() && answered != manifest.digest) {
    return Failed(fmt::format("the registry {}: {}: it made {} of {}", name_, what,
                              Printable(answered), manifest.digest));
  }
  return manifest.digest;
}

Result<bool> Registry::HasBlob(const std::string& repository, const std::string& digest,
                               const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.method = "HEAD";
  request.url = fmt::format("/v2/{}/blobs/{}", repository, digest);
  request.redirects_max = 5;
  TRY_ASSIGN(const io::HttpResponse response, Send(request, {PushScope(repository)}, interrupt));
  if (response.status == 200) return true;
  if (response.status == 404) return false;
  return Refused(response, "look for a layer in " + repository);
}

Result<bool> Registry::MountBlob(const std::string& repository, const std::string& digest,
                                 const std::string& from, const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.method = "POST";
  request.is_repeatable = true;
  request.url = fmt::format("/v2/{}/blobs/uploads/?mount={}&from={}", repository,
                            io::PercentEncoded(digest), io::PercentEncoded(from));
  const auto response = Send(request, {PushScope(repository), PullScope(from)}, interrupt);
  // The token server may refuse who may not read there; what else is wrong, the push tells.
  if (!response && response.error().kind == ErrorKind::kFailed) return false;
  if (!response) return tl::unexpected(response.error());
  if (response->status == 201) return true;
  // 202: it has begun an upload instead, which it forgets by itself when nothing comes. Others say
  // that there is no such layer, that it may not be read, or that they mount none.
  constexpr std::array<int, 5> kWouldNot{202, 401, 403, 404, 405};
  if (std::find(kWouldNot.begin(), kWouldNot.end(), response->status) != kWouldNot.end()) {
    return false;
  }
  return Refused(*response, fmt::format("take a layer of {} for {}", from, repository));
}

// Where a layer goes, as the registry said when an upload was begun.
Result<std::string> Registry::PlaceIn(const io::HttpResponse& begun) const {
  const std::string location(begun.Header("location"));
  if (location.empty()) {
    return Failed(fmt::format("the registry {} does not say where a layer goes", name_));
  }
  std::string url = io::ResolveUrl(origin_ + "/v2/", location);
  if (IsSafe(url)) return url;
  return Failed(fmt::format("the registry {} wants a layer sent to {}, which does not speak TLS",
                            name_, io::OriginOf(url)));
}

Result<void> Registry::Upload(const std::string& repository, const std::string& digest,
                              io::HttpRequest put, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const std::string origin, Origin(interrupt));
  const Scopes scopes = {PushScope(repository)};
  put.method = "PUT";
  put.headers.push_back({"Content-Type", "application/octet-stream"});
  io::HttpRequest begin, look;
  begin.method = "POST";
  begin.is_repeatable = true;
  begin.url = fmt::format("{}/v2/{}/blobs/uploads/", origin, repository);
  look.method = "HEAD";
  look.redirects_max = 5;
  look.url = fmt::format("{}/v2/{}/blobs/{}", origin, repository, digest);
  bool is_again = false;
  // What broke off is begun anew, for the registry keeps the part that came; or it has all, and its
  // answer was lost.
  const auto send = [&]() -> Result<io::HttpResponse> {
    if (std::exchange(is_again, true)) {
      TRY_ASSIGN(io::HttpResponse there, SendOnce(look, scopes, interrupt));
      if (there.status == 200) return there;
    }
    TRY_ASSIGN(io::HttpResponse begun, SendOnce(begin, scopes, interrupt));
    if (begun.status / 100 != 2) return begun;
    TRY_ASSIGN(const std::string place, PlaceIn(begun));
    put.url = fmt::format("{}{}digest={}", place, place.find('?') == std::string::npos ? "?" : "&",
                          io::PercentEncoded(digest));
    return SendOnce(put, scopes, interrupt);
  };
  TRY_ASSIGN(const io::HttpResponse response, UntilAnswered(send, interrupt));
  if (response.status == 201 || response.status == 204 || response.status == 200) return {};
  // The session may have sent it twice, by a connection that was kept: then the upload is no more.
  if (response.status == 404) {
    TRY_ASSIGN(const bool is_there, HasBlob(repository, digest, interrupt));
    if (is_there) return {};
  }
  return Refused(response, "push a layer to " + repository);
}

Result<void> Registry::PutBlob(const std::string& repository, const Blob& blob,
                               const io::fs::path& file, const io::Interrupt& interrupt) {
  io::HttpRequest request;
  TRY_ASSIGN(request.source, io::FileSource(file));
  return Upload(repository, blob.digest, std::move(request), interrupt);
}

Result<void> Registry::PutText(const std::string& repository, const std::string& digest,
                               const std::string& text, const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.body = text;
  return Upload(repository, digest, std::move(request), interrupt);
}

// Registries hand layers out by a redirect to a store, which gets no login.
Result<void> Registry::GetBlob(const std::string& repository, const Blob& blob,
                               const io::fs::path& to, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const std::string origin, Origin(interrupt));
  const Scopes scopes = {PullScope(repository)};
  const std::string sha256 = blob.digest.substr(blob.digest.find(':') + 1);
  io::HttpRequest head;
  head.method = "HEAD";
  head.url = fmt::format("{}/v2/{}/blobs/{}", origin, repository, blob.digest);
  head.redirects_max = 5;
  const auto get = [&]() -> Result<io::HttpResponse> {
    // Asked for first, so that who we are is known to the registry.
    TRY_ASSIGN(io::HttpResponse there, SendOnce(head, scopes, interrupt));
    if (there.status != 200) return there;
    io::HttpRequest request;
    request.url = head.url;
    request.redirects_max = 5;
    request.silence_limit = kSilence;
    TRY_ASSIGN(const std::string authorization, Authorization(scopes, interrupt));
    if (!authorization.empty()) request.headers.push_back({"Authorization", authorization});
    TRY(io::Download(http_, std::move(request), to, sha256, interrupt, blob.size_bytes));
    return there;
  };
  TRY_ASSIGN(const io::HttpResponse response, UntilAnswered(get, interrupt));
  if (response.status == 200) return {};
  return Refused(response, "get a layer of " + repository);
}

Result<std::string> Registry::GetText(const std::string& repository, const std::string& digest,
                                      const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = fmt::format("/v2/{}/blobs/{}", repository, digest);
  request.redirects_max = 5;
  request.response_bytes_max = kManifestBytesMax;
  TRY_ASSIGN(io::HttpResponse response, Send(request, {PullScope(repository)}, interrupt));
  if (response.status != 200) return Refused(response, "get a part of " + repository);
  if (response.cut || "sha256:" + io::Sha256Of(response.body) != digest) {
    return Failed(fmt::format("the registry {}: other bytes than were asked for", name_));
  }
  return std::move(response.body);
}

}  // namespace busker::image
