#include "execute/docker_engine.h"

#include <fmt/core.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cloud/json_members.h"
#include "execute/docker_container.h"
#include "io/url.h"

namespace busker::execute {
namespace {

using cloud::TextIn;
using nlohmann::ordered_json;

constexpr std::uint64_t kAnswerBytesMax = 16u << 20;  // a list of some thousand containers
constexpr std::size_t kLineBytesMax = 1u << 20;
constexpr int kVersionMin = 41, kVersionMax = 44;  // of 1.x

// In a path, for an image's reference, whose slashes are part of the path.
std::string EscapedPath(std::string_view text) {
  std::string escaped;
  for (const char& c : text) {
    const bool plain = std::string_view("/:@").find(c) != std::string_view::npos;
    escaped += plain ? std::string(1, c) : io::PercentEncoded(std::string_view(&c, 1));
  }
  return escaped;
}

ordered_json Parsed(const std::string& text) { return ordered_json::parse(text, nullptr, false); }

std::vector<std::string> TextsIn(const ordered_json& value, const char* name) {
  std::vector<std::string> texts;
  const auto found = value.is_object() ? value.find(name) : value.end();
  if (found == value.end() || !found->is_array()) return texts;
  for (const ordered_json& text : *found) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

// What the engine says of an error: {"message": "..."}.
std::string WordsOf(const io::HttpResponse& response) {
  std::string words = TextIn(Parsed(response.body), "message");
  if (words.empty()) words = std::string(Trim(response.body));
  if (words.empty()) words = fmt::format("it answered {}", response.status);
  return words;
}

tl::unexpected<Error> Refused(const io::HttpResponse& response) {
  const std::string words = "the container engine: " + WordsOf(response);
  if (response.status == 404) return NotFound(words);
  // 409: something else is being done with it, or with its name.
  const bool passes = response.status >= 500 || response.status == 429 || response.status == 409;
  if (passes) return Temporary(words);
  return Invalid(words);
}

bool IsGood(const io::HttpResponse& response) {
  return response.status >= 200 && response.status < 400;  // 304: it is so already
}

// Whether a registry has said no, in the words of engines, which tell it no other way: what else
// keeps an image from being fetched may pass.
bool IsRefusal(std::string_view words) {
  const std::string lower = LowerCase(words);
  for (const char* const no :
       {"manifest unknown", "not found", "does not exist", "denied", "unauthorized",
        "authentication required", "no basic auth credentials", "invalid reference"}) {
    if (lower.find(no) != std::string::npos) return true;
  }
  return false;
}

// "1.41" -> 41.
std::optional<int> MinorOf(std::string_view version) {
  if (!version.starts_with("1.")) return std::nullopt;
  int minor = 0;
  const auto [end, fault] =
      std::from_chars(version.data() + 2, version.data() + version.size(), minor);
  if (fault != std::errc() || end != version.data() + version.size()) return std::nullopt;
  return minor;
}

}  // namespace

Result<DockerEngine::Facts> DockerEngine::Ask(const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.url = "http://docker/_ping";
  request.unix_socket = socket_;
  TRY_ASSIGN(const io::HttpResponse response, session_.Send(request, interrupt));
  if (!IsGood(response)) return Refused(response);
  const std::string newest(response.Header("api-version"));
  const auto minor = MinorOf(newest);
  if (!minor || *minor < kVersionMin) {
    return Unusable(fmt::format(
        "the container engine at {} speaks version \"{}\" of its API; Busker needs 1.{} or later",
        socket_.string(), newest, kVersionMin));
  }
  const std::lock_guard lock(mutex_);
  facts_ = Facts{fmt::format("v1.{}", std::min(*minor, kVersionMax)), "v" + newest,
                 !response.Header("libpod-api-version").empty()};
  is_rootless_.reset();
  return *facts_;
}

Result<DockerEngine::Facts> DockerEngine::About(const io::Interrupt& interrupt) {
  {
    const std::lock_guard lock(mutex_);
    if (facts_) return *facts_;
  }
  return Ask(interrupt);
}

// What was learnt of an engine is forgotten once it is away; not when it is this side that has
// ended the call, as each wait for a container is ended by its runner's record.
Result<io::HttpResponse> DockerEngine::Call(io::HttpRequest request, const std::string& path,
                                            const io::Interrupt& interrupt) {
  TRY_ASSIGN(const Facts facts, About(interrupt));
  request.unix_socket = socket_;
  request.url = fmt::format("http://docker/{}{}", facts.version, path);
  // All that we ask can be asked twice: what has been done already is told so, and no harm.
  request.is_repeatable = true;
  auto response = session_.Send(request, interrupt);
  if (!response && response.error().kind == ErrorKind::kTemporary &&
      io::CheckStillWanted(interrupt)) {
    const std::lock_guard lock(mutex_);
    facts_.reset();
  }
  if (!response || response->status != 400 || facts.version == facts.newest) return response;
  // An engine that has given up all versions that we know says so; its own is tried then, for what
  // we ask has been the same in all of them.
  if (WordsOf(*response).find("is too old") == std::string::npos) return response;
  {
    const std::lock_guard lock(mutex_);
    if (facts_) facts_->version = facts_->newest;
  }
  request.url = fmt::format("http://docker/{}{}", facts.newest, path);
  return session_.Send(request, interrupt);
}

Result<io::HttpResponse> DockerEngine::Call(const std::string& method, const std::string& path,
                                            std::string body, const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.method = method;
  request.response_bytes_max = kAnswerBytesMax;
  if (!body.empty()) {
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = std::move(body);
  }
  return Call(std::move(request), path, interrupt);
}

Result<bool> DockerEngine::IsRootless(const io::Interrupt& interrupt) {
  {
    const std::lock_guard lock(mutex_);
    if (is_rootless_) return *is_rootless_;
  }
  TRY_ASSIGN(const io::HttpResponse response, Call("GET", "/info", "", interrupt));
  if (!IsGood(response)) return Refused(response);
  const ordered_json info = Parsed(response.body);
  bool found = false;
  if (info.is_object() && info.contains("SecurityOptions")) {
    for (const ordered_json& option : info["SecurityOptions"]) {
      found |= option.is_string() && option.get<std::string>().starts_with("name=rootless");
    }
  }
  const std::lock_guard lock(mutex_);
  is_rootless_ = found;
  return found;
}

Result<std::string> DockerEngine::Create(const std::string& name, const std::string& body,
                                         const io::Interrupt& interrupt) {
  TRY_ASSIGN(const io::HttpResponse response,
             Call("POST", "/containers/create?name=" + io::PercentEncoded(name), body, interrupt));
  if (!IsGood(response)) return Refused(response);
  std::string id = TextIn(Parsed(response.body), "Id");
  if (!id.empty()) return id;
  return Temporary("the container engine made a container and did not say which");
}

Result<void> DockerEngine::Start(const std::string& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(
      const io::HttpResponse response,
      Call("POST", fmt::format("/containers/{}/start", io::PercentEncoded(name)), "", interrupt));
  if (IsGood(response)) return {};
  const std::string words = WordsOf(response);
  // Told as a fault of the engine's own, and will not pass.
  for (const char* const lasting : {"could not select device driver", "no such device"}) {
    if (words.find(lasting) != std::string::npos) return Invalid("the container engine: " + words);
  }
  return Refused(response);
}

Result<void> DockerEngine::Wait(const std::string& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(
      const io::HttpResponse response,
      Call("POST",
           fmt::format("/containers/{}/wait?condition=not-running", io::PercentEncoded(name)), "",
           interrupt));
  if (IsGood(response)) return {};
  return Refused(response);
}

Result<void> DockerEngine::Terminate(const std::string& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(
      const io::HttpResponse response,
      Call("POST", fmt::format("/containers/{}/kill?signal=SIGTERM", io::PercentEncoded(name)), "",
           interrupt));
  if (IsGood(response) || response.status == 409 || response.status == 404) return {};
  return Refused(response);
}

Result<void> DockerEngine::Unpause(const std::string& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(const auto found, Inspect(name, interrupt));
  if (!found || !found->is_paused) return {};
  TRY_ASSIGN(
      const io::HttpResponse response,
      Call("POST", fmt::format("/containers/{}/unpause", io::PercentEncoded(name)), "", interrupt));
  if (IsGood(response)) return {};
  return Refused(response);
}

Result<std::optional<ContainerState>> DockerEngine::Inspect(const std::string& name,
                                                            const io::Interrupt& interrupt) {
  TRY_ASSIGN(
      const io::HttpResponse response,
      Call("GET", fmt::format("/containers/{}/json", io::PercentEncoded(name)), "", interrupt));
  if (response.status == 404) return std::nullopt;
  if (!IsGood(response)) return Refused(response);
  const ordered_json value = Parsed(response.body);
  if (!value.is_object() || !value.contains("State") || !value["State"].is_object()) {
    return Temporary("the container engine describes a container in a way that is not understood");
  }
  const ordered_json& state = value["State"];
  ContainerState container;
  container.id = TextIn(value, "Id");
  if (const auto config = value.find("Config"); config != value.end() && config->is_object()) {
    if (const auto labels = config->find("Labels"); labels != config->end()) {
      container.home = TextIn(*labels, kHomeLabel);
      container.attempt = TextIn(*labels, kAttemptLabel);
    }
  }
  const std::string status = TextIn(state, "Status");
  container.is_running = status == "running" || status == "paused" || status == "restarting";
  container.is_paused = status == "paused";
  const auto killed = state.find("OOMKilled");
  container.out_of_memory = killed != state.end() && killed->is_boolean() && killed->get<bool>();
  return container;
}

Result<void> DockerEngine::Remove(const std::string& name, const io::Interrupt& interrupt) {
  TRY_ASSIGN(
      const io::HttpResponse response,
      Call("DELETE", fmt::format("/containers/{}?force=true&v=true", io::PercentEncoded(name)), "",
           interrupt));
  if (IsGood(response) || response.status == 404) return {};
  return Refused(response);
}

Result<std::vector<DockerEngine::Labelled>> DockerEngine::List(const std::string& label,
                                                               const std::string& value,
                                                               const std::string& and_label,
                                                               const io::Interrupt& interrupt) {
  const ordered_json filters = {{"label", {label + "=" + value}}};
  TRY_ASSIGN(const io::HttpResponse response,
             Call("GET", "/containers/json?all=true&filters=" + io::PercentEncoded(filters.dump()),
                  "", interrupt));
  if (!IsGood(response)) return Refused(response);
  const ordered_json all = Parsed(response.body);
  if (!all.is_array() || response.cut) {
    return Temporary("the container engine lists containers in a way that is not understood");
  }
  std::vector<Labelled> found;
  for (const ordered_json& each : all) {
    // What an engine filters, it may filter otherwise than was asked for: looked at again here.
    const auto labels = each.find("Labels");
    if (labels == each.end() || TextIn(*labels, label.c_str()) != value) continue;
    found.push_back({TextIn(each, "Id"), TextIn(*labels, and_label.c_str())});
  }
  return found;
}

Result<std::optional<DockerImage>> DockerEngine::FindImage(const std::string& reference,
                                                           const io::Interrupt& interrupt) {
  TRY_ASSIGN(const io::HttpResponse response,
             Call("GET", fmt::format("/images/{}/json", EscapedPath(reference)), "", interrupt));
  if (response.status == 404) return std::nullopt;
  if (!IsGood(response)) return Refused(response);
  const ordered_json value = Parsed(response.body);
  DockerImage image;
  image.id = TextIn(value, "Id");
  if (image.id.empty()) {
    return Temporary("the container engine describes an image in a way that is not understood");
  }
  image.digests = TextsIn(value, "RepoDigests");
  if (const auto config = value.find("Config"); config != value.end()) {
    image.working_folder = TextIn(*config, "WorkingDir");
    image.environment = TextsIn(*config, "Env");
  }
  return image;
}

// The answer comes at once and is 200; what becomes of it is told line by line.
Result<void> DockerEngine::Pull(const image::Reference& reference, const std::string& authorization,
                                const std::function<void(const PullProgress&)>& tell,
                                const io::Interrupt& interrupt) {
  io::HttpRequest request;
  request.method = "POST";
  std::string path = "/images/create?fromImage=" + io::PercentEncoded(reference.Text());
  // Without a tag, the engine would fetch all there are.
  if (reference.tag.empty() && reference.digest.empty()) path += "&tag=latest";
  if (!authorization.empty()) request.headers.push_back({"X-Registry-Auth", authorization});
  PullProgress progress;
  std::string rest;
  request.sink = [&](std::string_view part) -> Result<void> {
    rest += part;
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      progress.Take(std::string_view(rest).substr(0, end));
      rest.erase(0, end + 1);
    }
    if (rest.size() > kLineBytesMax) {
      return Temporary("the container engine tells of a pull at length");
    }
    tell(progress);
    return {};
  };
  TRY_ASSIGN(const io::HttpResponse response, Call(std::move(request), path, interrupt));
  progress.Take(rest);
  const std::string fault = IsGood(response) ? progress.fault() : WordsOf(response);
  if (fault.empty()) return {};
  const std::string words =
      fmt::format("the image {} cannot be fetched: {}", reference.Text(), fault);
  if (IsRefusal(fault)) return Invalid(words);
  return Temporary(words);
}

}  // namespace busker::execute
