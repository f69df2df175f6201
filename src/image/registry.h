// A container registry, by its own API: what pushing and pulling an image needs.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/retry.h"
#include "image/challenge.h"
#include "image/credentials.h"
#include "image/programs.h"
#include "io/http_session.h"

namespace busker::image {

struct Blob {
  std::string media_type, digest;
  std::uint64_t size_bytes = 0;
};

// One thread. Each call takes as long as its interrupt lets it, and is tried again for a minute
// while the registry is away; for a few seconds, where nothing has answered so far. Errors name the
// registry and have its own words: kTemporary when it may pass, kNotFound for what is not there,
// kFailed for what it refuses, with `docker login` when it does not know who asks.
//
// It is spoken to by TLS, unless it is on a loopback address and speaks plain HTTP there. Trusted
// are the system's certificates (io/tls_context.h) and those of /etc/docker/certs.d/REGISTRY/*.crt,
// as Docker has it. A login is sent to the registry and to the token server that it names,
// to no other, and never without TLS but to a loopback address.
class Registry {
 public:
  // `name`: as references have it. Asks nothing yet. `say` is told once for each call that has to
  // be tried again.
  Registry(std::string name, std::optional<Login> login, Say say = {});

  const std::string& name() const { return name_; }

  struct Manifest {
    std::string media_type, digest, text;
  };
  // By tag or digest. The digest is that of the bytes that came, and the one that was asked for.
  Result<Manifest> GetManifest(const std::string& repository, const std::string& which,
                               const io::Interrupt& interrupt);
  // Returns the digest that the registry answered.
  Result<std::string> PutManifest(const std::string& repository, const std::string& which,
                                  const Manifest& manifest, const io::Interrupt& interrupt);

  Result<bool> HasBlob(const std::string& repository, const std::string& digest,
                       const io::Interrupt& interrupt);
  // From another repository of this registry, without its bytes; false: the registry would not,
  // for whatever reason.
  Result<bool> MountBlob(const std::string& repository, const std::string& digest,
                         const std::string& from, const io::Interrupt& interrupt);
  // From a file.
  Result<void> PutBlob(const std::string& repository, const Blob& blob, const io::fs::path& file,
                       const io::Interrupt& interrupt);
  Result<void> PutText(const std::string& repository, const std::string& digest,
                       const std::string& text, const io::Interrupt& interrupt);
  // Into the file `to`, checked by size and digest.
  Result<void> GetBlob(const std::string& repository, const Blob& blob, const io::fs::path& to,
                       const io::Interrupt& interrupt);
  Result<std::string> GetText(const std::string& repository, const std::string& digest,
                              const io::Interrupt& interrupt);

 private:
  using Scopes = std::vector<std::string>;  // "repository:team/churn:pull"

  Result<void> FindOrigin(const io::Interrupt& interrupt);
  Result<std::string> Origin(const io::Interrupt& interrupt);
  Result<std::string> Authorization(const Scopes& scopes, const io::Interrupt& interrupt);
  Result<std::string> TokenFor(const Scopes& scopes, const io::Interrupt& interrupt);
  Result<io::HttpResponse> Send(io::HttpRequest request, const Scopes& scopes,
                                const io::Interrupt& interrupt);
  Result<io::HttpResponse> SendOnce(io::HttpRequest request, const Scopes& scopes,
                                    const io::Interrupt& interrupt);
  Result<io::HttpResponse> Ask(io::HttpRequest request, const io::Interrupt& interrupt);
  Result<void> WaitFor(cloud::Tries& tries, const Error& error,
                       std::optional<Milliseconds> retry_after = {});
  Result<io::HttpResponse> UntilAnswered(const std::function<Result<io::HttpResponse>()>& ask,
                                         const io::Interrupt& interrupt);
  Result<std::string> PlaceIn(const io::HttpResponse& begun) const;
  Result<void> Upload(const std::string& repository, const std::string& digest, io::HttpRequest put,
                      const io::Interrupt& interrupt);
  tl::unexpected<Error> Refused(const io::HttpResponse& response, std::string_view what) const;

  const std::string name_;
  const std::optional<Login> login_;
  const Say say_;
  bool has_answered_ = false;  // whatever it was
  Milliseconds connect_limit_;
  io::SteadyInstant waiting_since_{};
  io::HttpSession http_;    // to the registry
  io::HttpSession others_;  // to its token server
  std::string origin_;      // "https://registry.example"; empty: not known yet
  std::optional<Challenge> challenge_;
  std::map<Scopes, std::string> tokens_;
};

}  // namespace busker::image
