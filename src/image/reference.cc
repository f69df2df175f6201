#include "image/reference.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace busker::image {
namespace {

constexpr std::string_view kHub = "docker.io", kHubsOwn = "library/";

bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "team", "my_model.v2": letters and digits, with single signs between them.
bool IsPathPart(std::string_view part) {
  const auto plain = [](char c) { return IsLetter(c) || IsDigit(c); };
  return !part.empty() && plain(part.front()) && plain(part.back()) &&
         std::all_of(part.begin(), part.end(), [&](char c) {
           return plain(c) || std::string_view("._-").find(c) != std::string_view::npos;
         });
}

bool IsRegistry(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return IsLetter(c) || (c >= 'A' && c <= 'Z') || IsDigit(c) ||
           std::string_view(".-:[]").find(c) != std::string_view::npos;
  });
}

// Where the name of a registry ends; npos: there is none.
std::size_t EndOfRegistry(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return slash;
  const std::string_view first = text.substr(0, slash);
  const bool is_registry =
      first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
  return is_registry ? slash : std::string_view::npos;
}

}  // namespace

bool IsDigest(std::string_view text) {
  constexpr std::string_view kSha256 = "sha256:";
  return text.size() == kSha256.size() + 64 && text.starts_with(kSha256) &&
         text.find_first_not_of("0123456789abcdef", kSha256.size()) == std::string_view::npos;
}

bool IsTag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsLetter(c) || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' || c == '.' ||
                  c == '-';
         });
}

std::string WithoutTag(std::string_view text) {
  const std::size_t slash = text.rfind('/', text.find('@')) + 1;  // 0: there is none
  return std::string(text.substr(0, text.find_first_of(":@", slash)));
}

bool NamesRegistry(std::string_view text) { return EndOfRegistry(text) != std::string_view::npos; }

std::string Reference::Name() const { return registry + "/" + repository; }

std::string Reference::Text() const {
  return Name() + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

Result<Reference> ParseReference(std::string_view text) {
  const auto refused = [whole = text](std::string_view why) {
    return Invalid(fmt::format("\"{}\" names no image: {}; write it like registry.example/churn:1",
                               Printable(whole), why));
  };
  Reference reference;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    reference.digest = text.substr(at + 1);
    text = text.substr(0, at);
    if (!IsDigest(reference.digest)) return refused("a digest is sha256: and 64 digits");
  }
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos) {
    reference.tag = text.substr(colon + 1);
    text = text.substr(0, colon);
    if (!IsTag(reference.tag)) return refused("that is not a tag");
  }
  const std::size_t end = EndOfRegistry(text);
  reference.registry = end == std::string_view::npos ? kHub : text.substr(0, end);
  reference.repository = end == std::string_view::npos ? text : text.substr(end + 1);
  if (reference.registry == "index.docker.io") reference.registry = kHub;
  if (!IsRegistry(reference.registry)) return refused("that is not a registry");
  if (reference.registry == kHub && reference.repository.find('/') == std::string::npos) {
    reference.repository = std::string(kHubsOwn) + reference.repository;
  }
  for (const std::string& part : Split(reference.repository, '/')) {
    if (!IsPathPart(part)) return refused("a name has a-z, 0-9, and \".\", \"_\", \"-\" between");
  }
  if (reference.repository.size() > 255) return refused("it is too long");
  return reference;
}

}  // namespace busker::image
