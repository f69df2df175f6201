#include "image/credentials.h"

#include <fmt/core.h>

#include "base/json_object.h"
#include "base/text.h"
#include "image/json.h"
#include "io/subprocess.h"
#include "io/url.h"

namespace busker::image {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::seconds kHelperLimit{30};
constexpr char kHubKey[] = "https://index.docker.io/v1/";

// Under which name a registry's login is kept.
std::string KeyOf(const std::string& registry) {
  return registry == "docker.io" ? kHubKey : registry;
}

// "https://host/v1/" -> "host", as older clients wrote it.
std::string HostIn(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  return std::string(key.substr(0, key.find('/')));
}

Result<Login> LoginIn(const ordered_json& entry, const std::string& what) {
  Login login;
  login.identity_token = TextIn(entry, "identitytoken");
  login.user = TextIn(entry, "username");
  login.password = TextIn(entry, "password");
  if (const std::string both = TextIn(entry, "auth"); !both.empty()) {
    const auto plain = io::FromBase64(both);
    const std::size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos) {
      return Invalid(what +
                     ": \"auth\" is not the base64 of a user and a password; log in again "
                     "with docker login");
    }
    login.user = plain->substr(0, colon);
    login.password = plain->substr(colon + 1);
    while (login.password.ends_with('\0')) login.password.pop_back();
  }
  return login;
}

// A helper has its say on standard output: credentials, or why there are none.
Result<std::optional<Login>> AskHelper(const std::string& helper, const std::string& key,
                                       const std::vector<std::string>& environment,
                                       const io::Interrupt& interrupt) {
  const bool is_plain = !helper.empty() && helper.find('/') == std::string::npos;
  const std::string program = "docker-credential-" + helper;
  if (!is_plain) return Invalid("config.json names a credential helper \"" + helper + "\"");
  TRY(io::CheckStillWanted(interrupt));
  auto said = io::RunAndCapture({{program, "get"}, environment, {}}, kHelperLimit, 1u << 20, key,
                                interrupt.stop);
  if (!said) return Wrap("ask the credential helper " + program, said.error());
  if (said->exit_code != 0) {
    std::string words(Trim(said->output));
    if (LowerCase(words).find("not found") != std::string::npos) return std::nullopt;
    if (words.empty()) words = Trim(said->errors);
    return Failed(fmt::format("the credential helper {} says: {}", program, Printable(words)));
  }
  const auto value = ParseJson(said->output, program);
  Login login;
  if (value) {
    login.user = TextIn(*value, "Username");
    login.password = TextIn(*value, "Secret");
  }
  if (!value || login.password.empty()) {
    return Invalid("what the credential helper " + program + " says is not understood");
  }
  if (login.user == "<token>") login = {"", "", login.password};
  return login;
}

}  // namespace

Result<std::optional<Login>> FindLogin(const std::string& registry,
                                       const std::vector<std::string>& environment,
                                       const io::Interrupt& interrupt) {
  io::fs::path folder = io::VariableIn(environment, "DOCKER_CONFIG");
  if (folder.empty()) {
    const std::string home = io::VariableIn(environment, "HOME");
    if (home.empty()) return std::nullopt;
    folder = io::fs::path(home) / ".docker";
  }
  const io::fs::path file = folder / "config.json";
  const auto text = io::ReadFile(file);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  TRY_ASSIGN(const ordered_json config, ParseJson(*text, file.string()));
  const std::string key = KeyOf(registry);
  const ordered_json& helpers = In(config, "credHelpers");
  std::string helper = TextIn(helpers, registry);
  if (helper.empty()) helper = TextIn(helpers, key);
  if (helper.empty()) helper = TextIn(config, "credsStore");
  if (!helper.empty()) {
    TRY_ASSIGN(auto login, AskHelper(helper, key, environment, interrupt));
    if (login) return login;
  }
  for (const auto& [name, entry] : In(config, "auths").items()) {
    if (name != key && HostIn(name) != HostIn(key)) continue;
    TRY_ASSIGN(Login login, LoginIn(entry, file.string()));
    const bool says_nothing = login.user.empty() && login.identity_token.empty();
    if (!says_nothing) return login;
  }
  return std::nullopt;
}

std::string EngineAuth(const Login& login, const std::string& registry) {
  ordered_json value = {{"serveraddress", KeyOf(registry)}};
  if (login.identity_token.empty()) {
    value["username"] = login.user;
    value["password"] = login.password;
  } else {
    value["identitytoken"] = login.identity_token;
  }
  return io::Base64UrlOf(value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

}  // namespace busker::image
