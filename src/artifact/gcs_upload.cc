#include "artifact/gcs_upload.h"

#include <fmt/core.h>

#include <algorithm>
#include <random>
#include <string_view>

#include "base/text.h"
#include "cloud/google_error.h"
#include "io/url.h"

namespace busker::artifact {
namespace {

// So often what arrives may be other than what was sent, or a session be lost.
constexpr int kRoundsMax = 3;

// No other write has it.
std::string WriterWord() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

class Upload {
 public:
  Upload(GcsBucket& bucket, const std::string& name, const GcsContent& content,
         std::uint64_t expected, const GcsUploadSizes& sizes, const io::Interrupt& interrupt)
      : bucket_(bucket),
        name_(name),
        content_(content),
        sizes_(sizes),
        interrupt_(interrupt),
        writer_(WriterWord()),
        resource_(GcsResource(name, content.digest, content.type, writer_)),
        condition_(fmt::format("&ifGenerationMatch={}", expected)) {}

  Result<std::optional<GcsObject>> Run() {
    std::string why;
    for (int round = 0; round < kRoundsMax; ++round) {
      TRY_ASSIGN(Step step, Size() <= sizes_.in_one_max_bytes ? SendInOne() : SendByChunks());
      if (step.end == End::kWritten) return Checked(std::move(step.object));
      if (step.end == End::kRefused) return std::nullopt;
      why = step.why;
    }
    return Temporary(fmt::format("gs://{}/{} was not stored: {}", bucket_.name(), name_, why));
  }

 private:
  enum class End { kWritten, kRefused, kAgain };  // kAgain: from the start
  struct Step {
    End end;
    GcsObject object = {};
    std::string why = {};
  };

  std::uint64_t Size() const { return content_.digest.size_bytes; }

  Result<GcsObject> Checked(GcsObject object) const {
    const std::string difference = DifferenceOf(object, content_.digest);
    if (difference.empty()) return object;
    return Failed(
        fmt::format("gs://{}/{} is not what was sent: {}", bucket_.name(), name_, difference));
  }

  // RFC 2387: the resource, then the bytes.
  Result<Step> SendInOne() {
    io::HttpRequest request;
    request.method = "POST";
    request.url = bucket_.UploadUrl() + "&uploadType=multipart" + condition_;
    request.headers = {{"Content-Type", "multipart/related; boundary=" + writer_}};
    request.source = SourceOf(
        content_, 0, Size(),
        fmt::format("--{}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{}\r\n--{}\r\n"
                    "Content-Type: {}\r\n\r\n",
                    writer_, resource_, writer_, content_.type),
        fmt::format("\r\n--{}--\r\n", writer_), true);
    TRY_ASSIGN(const auto answer, bucket_.client().Send(request, interrupt_));
    if (answer.response.status == 412 && !answer.is_doubtful) return Step{End::kRefused};
    return Judge(answer.response);
  }

  // What the answer to the last byte means.
  Result<Step> Judge(const io::HttpResponse& response) {
    if (response.status / 100 == 2) {
      auto object = GcsObjectIn(response.body);
      if (!object) return Wrap(bucket_.Place(), std::move(object).error());
      return Step{End::kWritten, *std::move(object)};
    }
    if (response.status == 412) return Settle(End::kRefused, "");
    const std::string message = cloud::GoogleMessage(response.body);
    if (response.status == 400 && LowerCase(message).find("crc32c") != std::string::npos) {
      return Step{End::kAgain, {}, "it changed while it was sent, or was altered on its way"};
    }
    return tl::unexpected(bucket_.Fault(response));
  }

  // Is the object that is there what an earlier try of ours has written?
  Result<Step> Settle(End otherwise, std::string why) {
    TRY_ASSIGN(auto found, bucket_.Find(name_, interrupt_));
    if (found && found->writer == writer_) return Step{End::kWritten, *std::move(found)};
    return Step{otherwise, {}, std::move(why)};
  }

  Result<Step> SendByChunks() {
    io::HttpRequest request;
    request.method = "POST";
    request.url = bucket_.UploadUrl() + "&uploadType=resumable" + condition_;
    request.headers = {{"Content-Type", "application/json; charset=UTF-8"},
                       {"X-Upload-Content-Type", content_.type},
                       {"X-Upload-Content-Length", std::to_string(Size())}};
    request.body = resource_;
    TRY_ASSIGN(const auto answer, bucket_.client().Send(request, interrupt_));
    const std::string session(answer.response.Header("location"));
    if (answer.response.status / 100 != 2 || session.empty()) {
      if (answer.response.status == 412) return Settle(End::kRefused, "");
      return tl::unexpected(bucket_.Fault(answer.response));
    }
    return SendChunks(session);
  }

  // One request after the other, each a chunk or, after a failure, the question how far it came.
  Result<Step> SendChunks(const std::string& session) {
    cloud::Tries tries(bucket_.client().policy(), interrupt_);
    std::uint64_t stored = 0;
    for (bool asks = false;;) {
      const auto response = bucket_.client().SendOnce(Next(session, stored, asks), interrupt_);
      if (!response || cloud::MayPass(response->status)) {
        TRY(tries.CheckStillWanted());
        if (!response && !cloud::IsPassing(response.error())) {
          return tl::unexpected(response.error());
        }
        TRY(response ? tries.Again(bucket_.Fault(*response), cloud::RetryAfter(*response))
                     : tries.Again(response.error()));
        asks = true;
        continue;
      }
      if (response->status == 404 || response->status == 410) {
        return Settle(End::kAgain, "its session was lost");
      }
      if (response->status != 308) return Judge(*response);
      TRY_ASSIGN(const std::uint64_t now, StoredBy(*response));
      if (now > stored) tries.Progress();
      if (now <= stored && !asks) TRY(tries.Again(bucket_.Fault(*response)));
      stored = now;
      asks = false;
    }
  }

  // A chunk has no way to its start: nothing sends it again before the session was asked.
  io::HttpRequest Next(const std::string& session, std::uint64_t stored, bool asks) const {
    io::HttpRequest request;
    request.method = "PUT";
    request.url = session;
    const std::uint64_t count = std::min(sizes_.chunk_bytes, Size() - stored);
    if (!asks && count > 0) request.source = SourceOf(content_, stored, count, "", "", false);
    request.headers = {{"Content-Range", request.source ? fmt::format("bytes {}-{}/{}", stored,
                                                                      stored + count - 1, Size())
                                                        : fmt::format("bytes */{}", Size())}};
    return request;
  }

  // "bytes=0-524287": so many bytes and one more; without the header, none.
  Result<std::uint64_t> StoredBy(const io::HttpResponse& response) const {
    std::string_view range = response.Header("range");
    constexpr std::string_view kBegin = "bytes=0-";
    if (range.empty()) return 0;
    std::uint64_t last = 0;
    const bool good = range.starts_with(kBegin) && range.size() < kBegin.size() + 19;
    for (range.remove_prefix(good ? kBegin.size() : range.size()); !range.empty();
         range.remove_prefix(1)) {
      if (range.front() < '0' || range.front() > '9') return Strange();
      last = last * 10 + static_cast<std::uint64_t>(range.front() - '0');
    }
    if (!good || last >= Size()) return Strange();
    return last + 1;
  }

  tl::unexpected<Error> Strange() const {
    return Failed(bucket_.Place() + " told of an upload's progress what cannot be");
  }

  GcsBucket& bucket_;
  const std::string& name_;
  const GcsContent& content_;
  const GcsUploadSizes& sizes_;
  const io::Interrupt& interrupt_;
  const std::string writer_, resource_, condition_;
};

}  // namespace

Result<std::optional<GcsObject>> WriteGcsObject(GcsBucket& bucket, const std::string& name,
                                                const GcsContent& content, std::uint64_t expected,
                                                const GcsUploadSizes& sizes,
                                                const io::Interrupt& interrupt) {
  return Upload(bucket, name, content, expected, sizes, interrupt).Run();
}

}  // namespace busker::artifact
