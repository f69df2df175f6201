#include "artifact/gcs_bucket.h"

#include <fmt/core.h>

#include <utility>

#include "cloud/google_error.h"
#include "io/url.h"

namespace busker::artifact {
namespace {

// So often bytes may come that are others than the store's own checksum says.
constexpr int kAlteredMax = 3;
constexpr std::uint64_t kPageBytesMax = 16u << 20;  // of 1,000 objects with names of 1,024 bytes

// "crc32c=n03x6A==", by itself or in a list.
std::string Crc32cIn(const io::HttpResponse& response) {
  constexpr std::string_view kName = "crc32c=";
  for (const io::HttpHeader& header : response.headers) {
    if (header.name != "x-goog-hash") continue;
    const std::size_t at = header.value.find(kName);
    if (at == std::string::npos) continue;
    const std::string value = header.value.substr(at + kName.size());
    return value.substr(0, value.find(','));
  }
  return {};
}

bool IsAboutTheBucket(const io::HttpResponse& response) {
  return cloud::GoogleMessage(response.body).find("bucket does not exist") != std::string::npos;
}

std::uint64_t GenerationIn(const io::HttpResponse& response) {
  std::uint64_t generation = 0;
  for (const char c : response.Header("x-goog-generation").substr(0, 19)) {
    if (c < '0' || c > '9') return 0;
    generation = generation * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return generation;
}

}  // namespace

GcsBucket::GcsBucket(std::string name, cloud::GoogleAccess access, const cloud::RetryPolicy& policy)
    : name_(std::move(name)),
      endpoint_(std::move(access.endpoint)),
      client_(std::move(access.credentials), policy, std::move(access.http)) {}

std::string GcsBucket::Place() const { return io::OriginOf(endpoint_); }

std::string GcsBucket::UploadUrl() const {
  return fmt::format("{}/upload/storage/v1/b/{}/o?fields={}", endpoint_, name_,
                     io::PercentEncoded(kGcsObjectFields));
}

std::string GcsBucket::UrlOf(const std::string& object) const {
  return fmt::format("{}/storage/v1/b/{}/o/{}", endpoint_, name_, io::PercentEncoded(object));
}

// A bucket that is not there is no place where nothing was ever put: it is a slip in the name.
Error GcsBucket::Fault(const io::HttpResponse& response) const {
  if (response.status == 404 && IsAboutTheBucket(response)) {
    return {ErrorKind::kFailed,
            fmt::format("there is no bucket gs://{}; make it first, or correct its name", name_)};
  }
  return Wrap("gs://" + name_, cloud::GoogleError(response, Place())).value();
}

Result<bool> GcsBucket::IsThere(const io::HttpResponse& response) const {
  if (response.status / 100 == 2) return true;
  if (response.status == 404 && !IsAboutTheBucket(response)) return false;
  return tl::unexpected(Fault(response));
}

Result<std::optional<GcsObject>> GcsBucket::Find(const std::string& object,
                                                 const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = UrlOf(object) + "?fields=" + io::PercentEncoded(kGcsObjectFields);
  TRY_ASSIGN(const auto answer, client_.Send(request, interrupt));
  TRY_ASSIGN(const bool is_there, IsThere(answer.response));
  if (!is_there) return std::nullopt;
  auto found = GcsObjectIn(answer.response.body);
  if (!found) return Wrap(Place(), std::move(found).error());
  return *std::move(found);
}

Result<std::optional<GcsBucket::Text>> GcsBucket::ReadText(const std::string& object,
                                                           std::uint64_t bytes_max,
                                                           const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = UrlOf(object) + "?alt=media";
  request.response_bytes_max = bytes_max;
  for (int altered = 0; altered < kAlteredMax; ++altered) {
    TRY_ASSIGN(auto answer, client_.Send(request, interrupt));
    TRY_ASSIGN(const bool is_there, IsThere(answer.response));
    if (!is_there) return std::nullopt;
    io::HttpResponse& response = answer.response;
    if (response.cut) {
      return Invalid(fmt::format("gs://{}/{} has more than {} bytes", name_, object, bytes_max));
    }
    const std::string crc32c = Crc32cIn(response);
    if (crc32c.empty() || crc32c == GcsCrc32c(io::Crc32cOf(response.body))) {
      return Text{std::move(response.body), GenerationIn(response)};
    }
  }
  return Temporary(fmt::format("gs://{}/{} was altered on its way here", name_, object));
}

Result<std::optional<io::FileDigest>> GcsBucket::Read(const GcsObject& object,
                                                      const GcsReceiver& receiver,
                                                      const io::Interrupt& interrupt) {
  for (int altered = 0; altered < kAlteredMax; ++altered) {
    if (altered > 0) TRY(receiver.restart());
    TRY_ASSIGN(auto digest, ReadOnce(object, receiver, interrupt));
    if (!digest || DifferenceOf(object, *digest).empty()) return digest;
  }
  return Temporary(fmt::format("gs://{}/{} was altered on its way here", name_, object.name));
}

// A server that sends all of it where a part was asked for makes it another than it should be, too.
Result<std::optional<io::FileDigest>> GcsBucket::ReadOnce(const GcsObject& object,
                                                          const GcsReceiver& receiver,
                                                          const io::Interrupt& interrupt) {
  io::FileHash hash;
  std::optional<Error> fault;  // of the receiver: no other try helps
  io::HttpRequest request;
  request.url = fmt::format("{}?alt=media&generation={}", UrlOf(object.name), object.generation);
  request.sink = [&](std::string_view part) -> Result<void> {
    hash.Add(part);
    auto taken = receiver.take(part);
    if (!taken) fault = taken.error();
    return taken;
  };
  cloud::Tries tries(client_.policy(), interrupt);
  for (;;) {
    const std::uint64_t from = hash.size_bytes();
    request.headers.clear();
    if (from > 0) request.headers.push_back({"Range", fmt::format("bytes={}-", from)});
    const auto response = client_.SendOnce(request, interrupt);
    if (fault) return tl::unexpected(*std::move(fault));
    if (hash.size_bytes() > from) tries.Progress();
    if (!response) {
      TRY(tries.CheckStillWanted());
      if (!cloud::IsPassing(response.error())) return tl::unexpected(response.error());
      TRY(tries.Again(response.error()));
    } else if (cloud::MayPass(response->status)) {
      TRY(tries.Again(Fault(*response), cloud::RetryAfter(*response)));
    } else if (response->status == 416) {  // nothing is left of it
      return hash.Finish();
    } else {
      TRY_ASSIGN(const bool is_there, IsThere(*response));
      if (!is_there) return std::nullopt;
      return hash.Finish();
    }
  }
}

Result<GcsPage> GcsBucket::List(const std::string& prefix, bool by_groups, const std::string& page,
                                const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = fmt::format(
      "{}/storage/v1/b/{}/o?prefix={}&maxResults=1000{}{}&fields={}", endpoint_, name_,
      io::PercentEncoded(prefix), by_groups ? "&delimiter=%2F" : "",
      page.empty() ? "" : "&pageToken=" + io::PercentEncoded(page),
      io::PercentEncoded(fmt::format("items({}),prefixes,nextPageToken", kGcsObjectFields)));
  request.response_bytes_max = kPageBytesMax;
  TRY_ASSIGN(const auto answer, client_.Send(request, interrupt));
  if (answer.response.status / 100 != 2) return tl::unexpected(Fault(answer.response));
  auto listed = GcsPageIn(answer.response.body);
  if (!listed) return Wrap(Place(), std::move(listed).error());
  return listed;
}

Result<void> GcsBucket::Remove(const GcsObject& object, const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.method = "DELETE";
  request.url = fmt::format("{}?ifGenerationMatch={}", UrlOf(object.name), object.generation);
  TRY_ASSIGN(const auto answer, client_.Send(request, interrupt));
  if (answer.response.status == 412) return {};
  return IsThere(answer.response).map([](bool) {});
}

}  // namespace busker::artifact
