#include "runner/vm_metadata.h"

#include <fmt/core.h>

#include <charconv>

#include "base/json_object.h"
#include "base/text.h"
#include "cloud/metadata_server.h"

namespace busker::runner {
namespace {

constexpr char kWhat[] = "the metadata of this VM";
// It may be away for longer than other servers, and is near.
constexpr cloud::RetryPolicy kPatient{Milliseconds(250), Milliseconds(2'000),
                                      Milliseconds(3'600'000)};

Result<std::string> Answer(const std::string& server, const std::string& path,
                           const io::Interrupt& interrupt) {
  TRY_ASSIGN(auto answer, cloud::AskMachine(server, path, interrupt, kPatient));
  if (!answer) return Unusable(fmt::format("{} have no {}", kWhat, path));
  return *std::move(answer);
}

// "projects/123/zones/europe-west1-b" -> "europe-west1-b"
std::string LastPart(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<Milliseconds> SecondsIn(const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (fault != std::errc() || end != text.data() + text.size() || seconds < 0) {
    return Invalid(fmt::format("{}: {} is \"{}\", and no number of seconds", kWhat,
                               attempt::kKeepAttribute, Printable(text)));
  }
  return std::chrono::seconds(seconds);
}

}  // namespace

Result<VmMetadata> VmMetadataFrom(const std::string& instance_json) {
  TRY_ASSIGN(const nlohmann::ordered_json instance, ParseJson(instance_json, kWhat));
  VmMetadata vm;
  std::uint64_t id = 0;
  JsonObject in(instance, kWhat);
  in.Get("id", id);
  in.Get("name", vm.name);
  in.Get("zone", vm.zone);
  const nlohmann::ordered_json& attributes = in.Member("attributes");
  const nlohmann::ordered_json& scheduling = in.Member("scheduling");
  TRY(in.Done());
  vm.id = std::to_string(id);
  vm.zone = LastPart(vm.zone);
  vm.is_spot = scheduling.is_object() && scheduling.value("preemptible", "") == "TRUE";

  std::string name;
  std::optional<std::string> keep;
  JsonObject told(attributes, kWhat);
  told.Get(attempt::kStoreAttribute, vm.store_url);
  told.Get(attempt::kAttemptAttribute, name);
  told.Get(attempt::kOrderAttribute, vm.order_sha256);
  told.Get(attempt::kImageAttribute, vm.image);
  told.Get(attempt::kKeepAttribute, keep);
  TRY(told.Done());
  const auto parsed = attempt::ParseRemoteName(name);
  if (!parsed) {
    return Invalid(fmt::format("{}: {} is \"{}\", and no attempt's name", kWhat,
                               attempt::kAttemptAttribute, Printable(name)));
  }
  vm.attempt = *parsed;
  if (keep) {
    TRY_ASSIGN(vm.keep_on_failure, SecondsIn(*keep));
  }
  return vm;
}

Result<VmMetadata> ReadVmMetadata(const io::Interrupt& interrupt) {
  const auto server = cloud::FindMetadataServer();
  if (!server) return Unusable("this is not a VM of Google's: there is no metadata server to ask");
  TRY_ASSIGN(const std::string instance, Answer(*server, "instance/?recursive=true", interrupt));
  TRY_ASSIGN(const std::string project, Answer(*server, "project/project-id", interrupt));
  TRY_ASSIGN(VmMetadata vm, VmMetadataFrom(instance));
  vm.server = *server;
  vm.project = Trim(project);
  return vm;
}

bool IsPreempted(const VmMetadata& vm, const io::Interrupt& interrupt) {
  const auto answer = Answer(vm.server, "instance/preempted", interrupt);
  return answer && Trim(*answer) == "TRUE";
}

}  // namespace busker::runner
