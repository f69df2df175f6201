#include "serve/tokens.h"

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "artifact/json_object.h"
#include "base/check.h"
#include "base/id.h"
#include "io/digest.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kTokensMax = 1000;
constexpr int kLockTries = 100;
constexpr Milliseconds kLockPause{50};
constexpr std::array<std::pair<Scope, std::string_view>, 4> kScopes = {
    {{Scope::kPredict, "predict"},
     {Scope::kViewer, "viewer"},
     {Scope::kOperator, "operator"},
     {Scope::kAdmin, "admin"}}};

Result<Token> TokenFrom(const ordered_json& value, const std::string& path) {
  Token token;
  std::string scope;
  artifact::JsonObject in(value, path);
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

}  // namespace

std::string_view NameOf(Scope scope) {
  for (const auto& [each, name] : kScopes) {
    if (each == scope) return name;
  }
  CheckFailed(__FILE__, __LINE__, "scope", "every scope has a name");
}

std::optional<Scope> ParseScope(std::string_view name) {
  for (const auto& [scope, each] : kScopes) {
    if (each == name) return scope;
  }
  return std::nullopt;
}

bool IsWithin(const Confines& confines, std::string_view graph) {
  return confines.empty() || std::any_of(confines.begin(), confines.end(), [&](const auto& each) {
           return graph == each || (graph.starts_with(each) && graph[each.size()] == '/');
         });
}

bool HoldsService(const Confines& confines, std::string_view service) {
  return confines.empty() || std::find(confines.begin(), confines.end(), service) != confines.end();
}

bool Allows(Scope has, Scope needs) {
  if (needs == Scope::kPredict) return has == Scope::kPredict || has >= Scope::kOperator;
  return has != Scope::kPredict && has >= needs;
}

std::string MakeSecret() {
  std::array<unsigned char, kSecretBytes> bytes{};
  CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "the kernel has random numbers");
  std::string secret;
  for (const unsigned char byte : bytes) secret += fmt::format("{:02x}", byte);
  return secret;
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

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
  TRY_ASSIGN(const std::string text, io::ReadFile(path_, 1u << 20));
  const auto value = artifact::ParseJson(text, path_.string());
  if (!value || !value->is_object() || !value->contains("tokens") ||
      !(*value)["tokens"].is_array()) {
    return Unusable(
        fmt::format("{} is no list of tokens; remove it and make new ones", path_.string()));
  }
  std::vector<Token> tokens;
  for (const ordered_json& each : (*value)["tokens"]) {
    auto token = TokenFrom(each, path_.string());
    if (!token) return Unusable(token.error().message + "; remove it and make new tokens");
    tokens.push_back(std::move(*token));
  }
  return tokens;
}

Result<std::string> TokenFile::Add(const std::string& name, Scope scope, const std::string& by,
                                   Instant now, const Confines& confines) {
  if (!IsName(name)) {
    return Invalid(
        fmt::format("\"{}\" is no name of a token; it is to begin with a small letter or a digit, "
                    "and go on with those, \".\", \"_\" and \"-\"",
                    name));
  }
  if (name == "busker") return Invalid("\"busker\" is the engine's own name; take another");
  if (!confines.empty() && scope == Scope::kAdmin) {
    return Invalid("who makes tokens is confined to nothing; take another scope, or no confines");
  }
  for (const std::string& each : confines) {
    const auto slashes = std::count(each.begin(), each.end(), '/');
    if (each.empty() || each.size() > 250 || slashes > 1 || each.front() == '/' ||
        each.back() == '/') {
      return Invalid(fmt::format(
          "\"{}\" is neither a service, nor service/action, nor a graph file's dag_id", each));
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

Result<void> TokenFile::Revoke(const std::string& name) {
  TRY_ASSIGN(const io::FileLock lock, Lock());
  TRY_ASSIGN(std::vector<Token> tokens, Read());
  const std::size_t removed =
      std::erase_if(tokens, [&](const Token& token) { return token.name == name; });
  if (removed == 0) return NotFound(fmt::format("there is no token {}", name));
  return Write(tokens);
}

// Two that change it at once would lose what one of them did: a token that was revoked came back.
Result<io::FileLock> TokenFile::Lock() const {
  for (int i = 0; i < kLockTries; ++i) {
    TRY_ASSIGN(auto lock, io::FileLock::TryTake(path_.string() + ".lock"));
    if (lock) return *std::move(lock);
    std::this_thread::sleep_for(kLockPause);
  }
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
    if (!token.confines.empty()) list.back()["confines"] = artifact::JsonBytes(token.confines);
  }
  return io::WriteFileAtomically(path_, artifact::JsonText({{"tokens", list}}), 0600);
}

}  // namespace busker::serve
