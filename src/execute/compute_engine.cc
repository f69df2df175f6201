#include "execute/compute_engine.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cloud/google_access.h"
#include "cloud/google_client.h"
#include "cloud/json_members.h"
#include "io/url.h"

namespace busker::execute {
namespace {

using cloud::DigitsIn;
using cloud::TextIn;
using nlohmann::json;

constexpr std::uint64_t kAnswerBytesMax = 32u << 20;  // 100 VMs with their metadata; 1 MiB escaped
constexpr int kPagesMax = 1000;
constexpr char kPageSize[] = "100";

// What a link ends in.
std::string LastOf(const std::string& link) { return link.substr(link.rfind('/') + 1); }

std::map<std::string, std::string> MapIn(const json& object, const char* name) {
  std::map<std::string, std::string> map;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object()) return map;
  for (const auto& [key, value] : found->items()) {
    if (value.is_string()) map[key] = value.get<std::string>();
  }
  return map;
}

const json& ListIn(const json& object, const char* name) {
  static const json kNone = json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : kNone;
}

// compute/docs/instances/instance-lifecycle. One that is not known is neither here nor gone.
VmStatus StatusIn(const std::string& text) {
  if (text == "RUNNING") return VmStatus::kRunning;
  if (text == "PROVISIONING" || text == "STAGING" || text == "PENDING") return VmStatus::kComing;
  if (text == "TERMINATED" || text == "STOPPED" || text == "SUSPENDED") return VmStatus::kStopped;
  return VmStatus::kStopping;
}

ComputeResource ResourceIn(const json& object) {
  ComputeResource found;
  found.zone = LastOf(TextIn(object, "zone"));
  found.name = TextIn(object, "name");
  found.id = DigitsIn(object, "id");
  found.status = StatusIn(TextIn(object, "status"));
  found.labels = MapIn(object, "labels");
  found.is_used = !ListIn(object, "users").empty();
  if (const auto metadata = object.find("metadata"); metadata != object.end()) {
    for (const json& item : ListIn(*metadata, "items")) {
      found.metadata[TextIn(item, "key")] = TextIn(item, "value");
    }
  }
  return found;
}

ComputeOperation OperationIn(const json& object) {
  ComputeOperation found;
  found.name = TextIn(object, "name");
  found.kind = TextIn(object, "operationType");
  found.user = TextIn(object, "user");
  found.request_id = TextIn(object, "clientOperationId");
  found.target_id = DigitsIn(object, "targetId");
  found.is_done = TextIn(object, "status") == "DONE";
  const json::json_pointer error("/error/errors/0");
  if (found.is_done && object.contains(error)) {
    const json& first = object.at(error);
    found.fault = ComputeFault{TextIn(first, "code"), TextIn(first, "message"), 0};
  }
  return found;
}

// What is no object of that kind is no answer of the API: cut, or somebody else's.
Result<json> ObjectIn(const io::HttpResponse& response, std::string_view kind) {
  json object = json::parse(response.body, nullptr, false);
  if (!response.cut && object.is_object() &&
      TextIn(object, "kind") == fmt::format("compute#{}", kind)) {
    return object;
  }
  return Temporary(fmt::format("{} answered with something that is not a compute#{}",
                               io::OriginOf(response.url), kind));
}

bool IsGood(const io::HttpResponse& response) { return response.status / 100 == 2; }

// 404 is also said of a project, a zone or a method that is not there.
bool IsAbsent(const io::HttpResponse& response, const std::string& what) {
  return response.status == 404 &&
         FaultOf(response).message.find("/" + what + "'") != std::string::npos;
}

}  // namespace

struct ComputeEngine::Call {
  std::string method, path;  // below the project
  std::vector<std::pair<std::string, std::string>> query = {};
  std::string body = {};
  std::string what;  // is tried, for errors
};

Result<io::HttpResponse> ComputeEngine::Send(const Call& call,
                                             const io::Interrupt& interrupt) const {
  TRY_ASSIGN(const cloud::GoogleAccess access, cloud::FindAccess(cloud::GoogleApi::kCompute));
  io::HttpRequest request;
  request.method = call.method;
  request.url = fmt::format("{}/compute/v1/projects/{}/{}", access.endpoint, project_, call.path);
  char sign = '?';
  for (const auto& [name, value] : call.query) {
    request.url +=
        fmt::format("{}{}={}", std::exchange(sign, '&'), name, io::PercentEncoded(value));
  }
  if (!call.body.empty()) {
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = call.body;
  }
  request.response_bytes_max = kAnswerBytesMax;
  request.is_repeatable = true;  // those that change something have an id of their own
  cloud::GoogleClient client(access.credentials, {}, access.http);
  auto response = client.SendOnce(std::move(request), interrupt);
  if (!response) return Wrap(call.what, std::move(response).error());
  return response;
}

Result<ComputeAnswer> ComputeEngine::Ask(const Call& call, const std::string& absent,
                                         const io::Interrupt& interrupt) const {
  TRY_ASSIGN(const io::HttpResponse response, Send(call, interrupt));
  if (!absent.empty() && IsAbsent(response, absent)) return ComputeAnswer{};
  if (!IsGood(response)) return ComputeAnswer{{}, FaultOf(response)};
  TRY_ASSIGN(const json object, ObjectIn(response, "operation"));
  return ComputeAnswer{OperationIn(object), {}};
}

Result<ComputeAnswer> ComputeEngine::Insert(const std::string& zone, const std::string& body,
                                            const std::string& request_id,
                                            const io::Interrupt& interrupt) const {
  return Ask({"POST",
              fmt::format("zones/{}/instances", zone),
              {{"requestId", request_id}},
              body,
              "ask for a VM in " + zone},
             {}, interrupt);
}

Result<std::optional<ComputeResource>> ComputeEngine::Get(const std::string& zone,
                                                          const std::string& name,
                                                          const io::Interrupt& interrupt) const {
  const Call call{"GET",
                  fmt::format("zones/{}/instances/{}", zone, name),
                  {},
                  {},
                  fmt::format("look at {} in {}", name, zone)};
  TRY_ASSIGN(const io::HttpResponse response, Send(call, interrupt));
  if (IsAbsent(response, "instances/" + name)) return std::nullopt;
  if (!IsGood(response)) return tl::unexpected(ErrorOf(FaultOf(response), call.what));
  TRY_ASSIGN(const json object, ObjectIn(response, "instance"));
  return ResourceIn(object);
}

Result<ComputeAnswer> ComputeEngine::Delete(const std::string& zone, const std::string& name,
                                            const std::string& request_id,
                                            const io::Interrupt& interrupt) const {
  return Ask({"DELETE",
              fmt::format("zones/{}/instances/{}", zone, name),
              {{"requestId", request_id}},
              {},
              fmt::format("delete {} in {}", name, zone)},
             "instances/" + name, interrupt);
}

Result<ComputeAnswer> ComputeEngine::DeleteDisk(const std::string& zone, const std::string& name,
                                                const std::string& request_id,
                                                const io::Interrupt& interrupt) const {
  return Ask({"DELETE",
              fmt::format("zones/{}/disks/{}", zone, name),
              {{"requestId", request_id}},
              {},
              fmt::format("delete the disk {} in {}", name, zone)},
             "disks/" + name, interrupt);
}

Result<std::optional<ComputeOperation>> ComputeEngine::Operation(
    const std::string& zone, const std::string& name, const io::Interrupt& interrupt) const {
  const Call call{"GET",
                  fmt::format("zones/{}/operations/{}", zone, name),
                  {},
                  {},
                  fmt::format("look at {} in {}", name, zone)};
  TRY_ASSIGN(const io::HttpResponse response, Send(call, interrupt));
  if (IsAbsent(response, "operations/" + name)) return std::nullopt;
  if (!IsGood(response)) return tl::unexpected(ErrorOf(FaultOf(response), call.what));
  TRY_ASSIGN(const json object, ObjectIn(response, "operation"));
  return OperationIn(object);
}

Result<std::vector<ComputeOperation>> ComputeEngine::OperationsOn(
    const std::string& zone, const std::string& vm_id, const io::Interrupt& interrupt) const {
  Call call{"GET",
            fmt::format("zones/{}/operations", zone),
            {{"filter", "targetId=" + vm_id}, {"maxResults", kPageSize}},
            {},
            "look at the operations of " + zone};
  std::vector<ComputeOperation> found;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    TRY_ASSIGN(const io::HttpResponse response, Send(call, interrupt));
    if (!IsGood(response)) return tl::unexpected(ErrorOf(FaultOf(response), call.what));
    TRY_ASSIGN(const json object, ObjectIn(response, "operationList"));
    for (const json& item : ListIn(object, "items")) {
      ComputeOperation operation = OperationIn(item);
      if (operation.target_id == vm_id) found.push_back(std::move(operation));
    }
    const std::string next = TextIn(object, "nextPageToken");
    if (next.empty()) return found;
    call.query.resize(2);
    call.query.emplace_back("pageToken", next);
  }
  return Failed(call.what + ": the list has no end");
}

Result<std::optional<std::string>> ComputeEngine::SerialOutput(
    const std::string& zone, const std::string& name, const io::Interrupt& interrupt) const {
  const Call call{"GET",
                  fmt::format("zones/{}/instances/{}/serialPort", zone, name),
                  {},
                  {},
                  fmt::format("read the console of {} in {}", name, zone)};
  TRY_ASSIGN(const io::HttpResponse response, Send(call, interrupt));
  if (IsAbsent(response, "instances/" + name)) return std::nullopt;
  if (!IsGood(response)) return tl::unexpected(ErrorOf(FaultOf(response), call.what));
  TRY_ASSIGN(const json object, ObjectIn(response, "serialPortOutput"));
  return TextIn(object, "contents");
}

Result<ComputeListing> ComputeEngine::Vms(const std::string& label, const std::string& value,
                                          const io::Interrupt& interrupt) const {
  return List("instance", label, value, interrupt);
}

Result<ComputeListing> ComputeEngine::Disks(const std::string& label, const std::string& value,
                                            const io::Interrupt& interrupt) const {
  return List("disk", label, value, interrupt);
}

// {"items": {"zones/Z": {"instances": [...]}, "zones/Y": {"warning": {"code": ...}}},
//  "unreachables": [...]}
Result<ComputeListing> ComputeEngine::List(const char* kind, const std::string& label,
                                           const std::string& value,
                                           const io::Interrupt& interrupt) const {
  const std::string plural = fmt::format("{}s", kind);
  Call call{"GET",
            "aggregated/" + plural,
            {{"filter", fmt::format("labels.{}={}", label, value)},
             {"maxResults", kPageSize},
             {"returnPartialSuccess", "true"}},
            {},
            fmt::format("list the {} of {}", plural, project_)};
  ComputeListing listing;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    TRY_ASSIGN(const io::HttpResponse response, Send(call, interrupt));
    if (!IsGood(response)) return tl::unexpected(ErrorOf(FaultOf(response), call.what));
    TRY_ASSIGN(const json object, ObjectIn(response, fmt::format("{}AggregatedList", kind)));
    for (const json& zone : ListIn(object, "unreachables")) {
      if (zone.is_string()) listing.unreachable.push_back(LastOf(zone.get<std::string>()));
    }
    const json items = object.value("items", json::object());
    for (const auto& [scope, found] : items.items()) {
      const auto warning = found.find("warning");
      if (warning != found.end() && TextIn(*warning, "code") == "UNREACHABLE") {
        listing.unreachable.push_back(LastOf(scope));
      }
      for (const json& item : ListIn(found, plural.c_str())) {
        ComputeResource resource = ResourceIn(item);
        // Disks of whole regions are none of ours.
        if (resource.zone.empty() || resource.labels[label] != value) continue;
        listing.resources.push_back(std::move(resource));
      }
    }
    const std::string next = TextIn(object, "nextPageToken");
    if (next.empty()) return listing;
    call.query.resize(3);
    call.query.emplace_back("pageToken", next);
  }
  return Failed(call.what + ": the list has no end");
}

}  // namespace busker::execute
