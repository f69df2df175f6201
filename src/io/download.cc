#include "io/download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "io/url.h"

namespace busker::io {
namespace {

Result<void> JudgeStatus(int status, const std::string& origin) {
  if (status / 100 == 2) return {};
  const std::string answered = origin + " answered " + std::to_string(status);
  if (status == 404 || status == 410) return NotFound(answered + ": there is no such file");
  if (status == 408 || status == 429 || status / 100 == 5) return Temporary(answered);
  return Failed(answered);
}

Result<FileDigest> Fetch(HttpSession& http, HttpRequest request, const fs::path& file,
                         const std::string& sha256, const Interrupt& interrupt,
                         std::uint64_t bytes_max) {
  TRY_ASSIGN(const Descriptor written, Open(file, O_WRONLY | O_CREAT | O_EXCL));
  FileHash hash;
  std::uint64_t left = bytes_max;
  request.sink = [&](std::string_view part) -> Result<void> {
    if (part.size() > left) {
      return Failed(OriginOf(request.url) + " sends more than " + std::to_string(bytes_max) +
                    " bytes");
    }
    left -= part.size();
    hash.Add(part);
    return WriteAll(written.get(), part, file);
  };
  TRY_ASSIGN(const HttpResponse response, http.Send(request, interrupt));
  TRY(JudgeStatus(response.status, OriginOf(request.url)));
  FileDigest digest = hash.Finish();
  if (!sha256.empty() && digest.sha256 != sha256) {
    return Failed(OriginOf(request.url) + " sent " + std::to_string(digest.size_bytes) +
                  " bytes with the SHA-256 " + digest.sha256 + " in place of " + sha256);
  }
  if (fsync(written.get()) != 0) return SystemError("sync " + file.string(), errno);
  return digest;
}

}  // namespace

Result<FileDigest> Download(HttpSession& http, HttpRequest request, const fs::path& to,
                            const std::string& sha256, const Interrupt& interrupt,
                            std::uint64_t bytes_max) {
  const fs::path folder = to.has_parent_path() ? to.parent_path() : fs::path(".");
  const fs::path beside = TemporaryPath(folder, to.filename().string());
  auto fetched = Fetch(http, std::move(request), beside, sha256, interrupt, bytes_max);
  if (fetched) {
    if (auto renamed = Rename(beside, to); !renamed) {
      fetched = tl::unexpected(std::move(renamed).error());
    }
  }
  if (!fetched) ::unlink(beside.c_str());
  return fetched;
}

}  // namespace busker::io
