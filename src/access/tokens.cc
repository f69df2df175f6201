#include "access/tokens.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "access/secret_text.h"
#include "base/id.h"
#include "base/json_object.h"
#include "base/text.h"
#include "io/digest.h"

namespace busker::access {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kTokensMax = 1000;
constexpr std::uint64_t kFileBytesMax = 1u << 20;
constexpr Milliseconds kLockLimit = std::chrono::seconds(5);

Result<Token> TokenFrom(const ordered_json& value, const std::string& path) {
  Token token;
  std::string scope;
  JsonObject in(value, path);
  in.Get("name", token.name);
  in.Get("scope", scope);
  in.Get("sha256", token.sha256);
  in.Get("created_at", token.created_at);
  in.Get("created_by", token.created_by);
  if (value.contains("confines")) in.GetBytes("confines", token.confines);
  TRY(in.Done());
  const auto parsed = ParseScope(scope);
  if (!parsed || token.sha256.size() != 64)
    return Invalid(path + ": a token that is not understood");
  token.scope = *parsed;
  return token;
}

Result<std::vector<Token>> TokensFrom(const std::string& text, const std::string& path) {
  const auto value = ParseJson(text, path);
  if (!value || !value->is_object() || !value->contains("tokens") ||
      !(*value)["tokens"].is_array()) {
    return Unusable(path + " is not a list of tokens; remove it and make new ones");
  }
  std::vector<Token> tokens;
  for (const ordered_json& each : (*value)["tokens"]) {
    auto token = TokenFrom(each, path);
    if (!token) return Unusable(token.error().message + "; remove it and make new tokens");
    tokens.push_back(std::move(*token));
  }
  return tokens;
}

// "churn", "churn/training" or a graph file's dag_id: nothing else is ever looked up by it.
bool CanConfine(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return IsGraphName(name);
  return IsName(name.substr(0, slash)) && IsName(name.substr(slash + 1));
}

}  // namespace

std::string DescribeToken(const std::string& name, std::string_view scope,
                          const Confines& confines) {
  std::string text = fmt::format("{}, {}", name, scope);
  for (std::size_t i = 0; i < confines.size(); ++i) {
    text += (i == 0 ? ", only " : ", ") + confines[i];
  }
  return text;
}

Result<std::vector<Token>> TokenFile::Read() const {
  struct stat info {};
  if (stat(path_.c_str(), &info) != 0) return std::vector<Token>();
  if ((info.st_mode & 077) != 0 || info.st_uid != geteuid()) {
    return Unusable(
        fmt::format("others may read or write {}; chmod 600 it, or remove it and make new tokens",
                    path_.string()));
  }
  TRY_ASSIGN(const std::string text, io::ReadFile(path_, kFileBytesMax));
  return TokensFrom(text, path_.string());
}

Result<std::string> TokenFile::Add(const std::string& name, Scope scope, const std::string& by,
                                   Instant now, const Confines& confines) const {
  if (!IsName(name)) {
    return Invalid(fmt::format(
        "\"{}\" is not a valid name of a token; it is to begin with a small letter or a digit, "
        "and go on with those, \".\", \"_\" and \"-\"",
        name));
  }
  if (name == "busker") return Invalid("\"busker\" is the engine's own name; take another");
  if (!confines.empty() && scope == Scope::kAdmin) {
    return Invalid("who makes tokens is confined to nothing; take another scope, or no confines");
  }
  for (const std::string& each : confines) {
    if (!CanConfine(each)) {
      return Invalid(
          fmt::format("\"{}\" cannot be the name of a service, of an action (SERVICE/ACTION) or of "
                      "a graph file "
                      "(its dag_id)",
                      Printable(each.substr(0, 250))));
    }
  }
  TRY_ASSIGN(const io::FileLock lock, Lock());
  TRY_ASSIGN(std::vector<Token> tokens, Read());
  const auto taken = [&](const Token& token) { return token.name == name; };
  if (std::any_of(tokens.begin(), tokens.end(), taken)) {
    return Invalid(
        fmt::format("there is a token {} already; busker token revoke {} makes room", name, name));
  }
  if (tokens.size() == kTokensMax) return Invalid("there are 1,000 tokens already; revoke some");
  const std::string secret = MakeSecret();
  tokens.push_back({name, scope, io::Sha256Of(secret), now, by, confines});
  TRY(Write(tokens));
  return secret;
}

Result<void> TokenFile::Revoke(const std::string& name) const {
  TRY_ASSIGN(const io::FileLock lock, Lock());
  TRY_ASSIGN(std::vector<Token> tokens, Read());
  const std::size_t removed =
      std::erase_if(tokens, [&](const Token& token) { return token.name == name; });
  if (removed == 0) return NotFound(fmt::format("no token {}", name));
  return Write(tokens);
}

// Two that change it at once would lose what one of them did: a token that was revoked came back.
Result<io::FileLock> TokenFile::Lock() const {
  auto lock = io::FileLock::Take(path_.string() + ".lock", kLockLimit);
  if (lock || lock.error().kind != ErrorKind::kTimedOut) return lock;
  return Temporary("another program has been changing the tokens for 5 seconds; try again");
}

Result<void> TokenFile::Write(const std::vector<Token>& tokens) const {
  ordered_json list = ordered_json::array();
  for (const Token& token : tokens) {
    list.push_back({{"name", token.name},
                    {"scope", NameOf(token.scope)},
                    {"sha256", token.sha256},
                    {"created_at", FormatRfc3339(token.created_at)},
                    {"created_by", token.created_by}});
    if (!token.confines.empty()) list.back()["confines"] = JsonBytes(token.confines);
  }
  const std::string text = JsonText({{"tokens", list}});
  if (text.size() > kFileBytesMax) {
    return Invalid(
        "the tokens would take more than 1 MiB together; revoke some, or confine them to fewer "
        "names");
  }
  // One that its own reader refuses would lock everybody out.
  if (const auto read = TokensFrom(text, path_.string()); !read) {
    return Invalid("the token cannot be kept: " + read.error().message);
  }
  return io::WriteFileAtomically(path_, text, 0600);
}

}  // namespace busker::access
