#include "execute/vm_boot.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "artifact/gcs_store.h"
#include "attempt/exit_record.h"
#include "attempt/runner_copy.h"
#include "base/text.h"
#include "io/digest.h"
#include "io/url.h"

namespace busker::execute {
namespace {

using nlohmann::ordered_json;

constexpr char kImage[] = "projects/cos-cloud/global/images/family/cos-stable";
constexpr char kScope[] = "https://www.googleapis.com/auth/cloud-platform";
constexpr Milliseconds kLimitMax = std::chrono::hours(24 * 120);  // Compute Engine's own
constexpr std::size_t kRunMax = 22, kTaskMax = 14, kNumberMax = 4, kDigestMax = 12, kLabelMax = 63;
constexpr char kFolder[] = "/var/lib/google/busker";  // on a disk from which may be executed
constexpr char kScriptPath[] = "/etc/busker/boot";
constexpr char kStartPath[] = "/etc/busker/started.json", kExitPath[] = "/etc/busker/exit.json";
constexpr char kUnitPath[] = "/etc/systemd/system/busker.service";

// From ACPI to the power: two minutes, of a Spot VM half of one (compute/docs/instances/spot).
constexpr int kStopSeconds = 110, kStopSecondsOfSpot = 28;

constexpr int kKillsMax = 5;  // of the boot's script, in one boot

constexpr char kUnit[] = R"unit([Unit]
Description=An attempt of Busker
Wants=network-online.target docker.service
After=network-online.target docker.service
StartLimitIntervalSec=0
[Service]
Type=simple
Restart=on-abnormal
RestartSec=1
StandardOutput=journal+console
StandardError=journal+console
Environment=HOME=@FOLDER@
@ENVIRONMENT@ExecStart=/bin/sh @SCRIPT@
ExecStopPost=/bin/sh @SCRIPT@ ended
KillMode=mixed
OOMScoreAdjust=-900
TimeoutStopSec=@STOP@
)unit";

// Words in @ are put in. The fence is won before anything is claimed of the attempt: a VM of the
// same name elsewhere may have it.
constexpr char kScript[] =
    R"sh(# Fetches busker-runner and hands over to it. Made by Busker for one VM.
set -u
umask 077
metadata="http://${GCE_METADATA_HOST:-169.254.169.254}/computeMetadata/v1"
objects='@STORAGE@/storage/v1/b/@BUCKET@/o'
upload='@STORAGE@/upload/storage/v1/b/@BUCKET@/o?uploadType=media&ifGenerationMatch=0&name='
work=/run/busker
runner=@FOLDER@/busker-runner
mkdir -p "$work" @FOLDER@
chmod 0755 @FOLDER@

instance() { curl -sS -f --max-time 10 -H 'Metadata-Flavor: Google' "$metadata/instance/$1"; }
call() { curl -sS --connect-timeout 10 --retry 5 --retry-delay 2 --retry-connrefused -H "@$work/authorization" "$@"; }
status() { call -o "$work/answer" -w '%{http_code}' "$@"; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# A token, within five minutes: the metadata server is not there at once.
authorize() {
  until=$(($(date +%s) + 300))
  while :; do
    token=$(instance service-accounts/default/token 2>"$work/said" | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
    [ -z "$token" ] || break
    [ "$(date +%s)" -lt "$until" ] || return 1
    sleep 1
  done
  printf 'Authorization: Bearer %s\n' "$token" >"$work/authorization"
}

# create KEY FILE: true when the object is ours, also when the answer of an earlier try was lost.
create() {
  [ "$(status --max-time 60 -H 'Content-Type: application/json' --data-binary "@$2" "$upload$1")" = 200 ] && return
  rm -f "$work/there"
  call -f -o "$work/there" --max-time 60 "$objects/$1?alt=media" && cmp -s "$work/there" "$2"
}

remove() {
  [ @KEEP@ = 0 ] || return
  said=$(status --max-time 60 -X DELETE '@COMPUTE@/compute/v1/projects/@PROJECT@/zones/@ZONE@/instances/@NAME@')
  [ "$said" = 200 ] || echo "busker: this VM could not delete itself (status $said); Busker does, or its time limit"
}

own_start() {
  sed -e "s|@ID@|$(instance id)|" -e "s|@BOOT@|$(cat /proc/sys/kernel/random/boot_id)|" -e "s|@NOW@|$(now)|" @START@ >"$work/started.json"
  create @STARTKEY@ "$work/started.json"
}

# leave ENDING MESSAGE: the exit record.
leave() {
  words=$(printf %s "$2" | tr -cd 'A-Za-z0-9 .,:;/_()-')
  sed -e "s|@ENDING@|$1|" -e "s|@MESSAGE@|$words|" -e "s|@NOW@|$(now)|g" @EXIT@ >"$work/exit.json"
  create @EXITKEY@ "$work/exit.json"
}

# tell WHY: the attempt was never started, or is lost where the start is this VM's; nothing where it
# is another's. The container goes first, so that nothing runs unwatched.
tell() {
  if own_start; then
    leave @NOTSTARTED@ "$1"
  elif grep -qF "\"$(instance id)\"" "$work/there" 2>/dev/null; then
    docker rm --force "busker-$(instance id)" >/dev/null 2>&1
    leave @LOST@ "$1, and the command may have run" || [ -s "$work/there" ]
  fi
}

never_started() {
  echo "busker: never started: $1"
  [ -s "$work/authorization" ] || exit 1
  tell "$1" || exit 1
  remove
  exit 1
}

# After each end of the unit, which begins anew when something killed it, and goes on where it was.
# One that is killed again and again is given up, and told.
ended() {
  case ${SERVICE_RESULT-} in success | exit-code) exit 0 ;; esac
  echo "busker: the script of this VM's boot was ended by ${EXIT_STATUS-} (${SERVICE_RESULT-})"
  echo >>"$work/killed"
  [ "$(wc -l <"$work/killed")" -ge @KILLS@ ] || exit 0
  authorize || exit 1
  why='the script of the VM was killed @KILLS@ times'
  tell "$why" || exit 1
  echo "busker: given up: $why"
  touch "$work/over"
  remove
  exit 0
}

[ "${1-}" != ended ] || ended
[ ! -e "$work/over" ] || exit 0
authorize || never_started "the metadata server gave no token of @ACCOUNT@ within 5 minutes: $(tail -n 1 "$work/said")"
good() { [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = @DIGEST@ ]; }
if ! { [ -e "$runner" ] && good "$runner"; }; then
  said=$(call -o "$runner.part" -w '%{http_code}' --max-time 300 "$objects/@RUNNERKEY@?alt=media")
  [ $? != 23 ] || never_started "busker-runner cannot be written to the disk of the VM; is it full? Give the target a larger disk"
  [ "$said" = 200 ] || never_started "busker-runner could not be fetched from gs://@BUCKET@ (status $said); may @ACCOUNT@ read there?"
  good "$runner.part" || never_started "busker-runner arrived from gs://@BUCKET@ as another file than was put there"
  chmod 0755 "$runner.part"
  mv "$runner.part" "$runner"
fi

told=0
trap 'told=1; kill -TERM $carrier' TERM
try=0
while [ $((try += 1)) -le @KILLS@ ]; do
  "$runner" carry 2>"$work/last" &
  carrier=$!
  ended=129
  while [ $ended -gt 128 ] && kill -0 $carrier 2>/dev/null; do
    wait $carrier
    ended=$?
  done
  cat "$work/last"
  # One that was killed goes on where it was.
  if [ $ended -le 128 ] || [ $told = 1 ]; then break; fi
done
words=$(tail -n 1 "$work/last")
[ $try -le @KILLS@ ] || words='busker-runner carry was killed @KILLS@ times'
[ $ended = 0 ] || never_started "${words#busker: never started: } (status $ended)"
)sh";

std::string With(std::string text,
                 const std::vector<std::pair<std::string_view, std::string>>& words) {
  for (const auto& [word, value] : words) {
    const std::string sign = fmt::format("@{}@", word);
    for (std::size_t at = text.find(sign); at != std::string::npos;
         at = text.find(sign, at + value.size())) {
      text.replace(at, sign.size(), value);
    }
  }
  return text;
}

// [a-z0-9-_] of any text.
std::string Label(std::string text) {
  text = LowerCase(text.substr(0, kLabelMax));
  for (char& c : text) {
    const bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!is_good) c = '_';
  }
  return text;
}

ordered_json LabelsOf(const NewVm& vm) {
  ordered_json labels = vm.settings.labels;
  labels[kVmHomeLabel] = Label(vm.name.home);
  labels["busker-run"] = Label(vm.name.attempt.run);
  labels["busker-task"] = Label(vm.name.attempt.task);
  labels[kVmAttemptLabel] = VmName(vm.name);
  return labels;
}

ordered_json InterfaceOf(const NewVm& vm) {
  const ComputeSettings& settings = vm.settings;
  ordered_json interface = ordered_json::object();
  const auto path = [](const std::string& name, const std::string& folder) {
    return name.find('/') == std::string::npos ? folder + name : name;
  };
  if (!settings.network.empty() || settings.subnetwork.empty()) {
    interface["network"] =
        path(settings.network.empty() ? "default" : settings.network, "global/networks/");
  }
  if (!settings.subnetwork.empty()) {
    interface["subnetwork"] =
        path(settings.subnetwork, fmt::format("regions/{}/subnetworks/", RegionOf(vm.zone)));
  }
  if (settings.has_public_ip) {
    interface["accessConfigs"] =
        ordered_json::array({ordered_json{{"type", "ONE_TO_ONE_NAT"}, {"name", "External NAT"}}});
  }
  return interface;
}

std::string Seconds(Milliseconds length) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(length).count());
}

ordered_json SchedulingOf(const NewVm& vm) {
  return {{"provisioningModel", vm.is_spot ? "SPOT" : "STANDARD"},
          {"instanceTerminationAction", "DELETE"},
          {"maxRunDuration", {{"seconds", Seconds(VmLimit(vm.settings))}}},
          {"automaticRestart", false},
          {"onHostMaintenance", vm.is_spot ? "TERMINATE" : "MIGRATE"}};
}

}  // namespace

std::string VmName(const attempt::RemoteName& name) {
  std::string text = fmt::format("busker-{}-{}-{}-{}", name.attempt.run.substr(0, kRunMax),
                                 name.attempt.task.substr(0, kTaskMax),
                                 std::to_string(name.attempt.number).substr(0, kNumberMax),
                                 io::Sha256Of(name.Text()).substr(0, kDigestMax));
  text = LowerCase(text);
  for (char& c : text) {
    const bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!is_good) c = '-';
  }
  return text;
}

Milliseconds VmLimit(const ComputeSettings& settings) {
  return std::min(attempt::MachineLifeMax(settings.timeout) + settings.keep_on_failure, kLimitMax);
}

std::vector<std::string> StandInEnvironment(const std::vector<std::string>& own) {
  constexpr std::string_view kNames[] = {
      "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=", "CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY=",
      "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=", "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING=",
      "STORAGE_EMULATOR_HOST="};
  std::vector<std::string> kept;
  for (const std::string& entry : own) {
    for (const std::string_view name : kNames) {
      if (!entry.starts_with(name)) continue;
      std::string url = entry.substr(name.size());
      if (url.find("://") == std::string::npos) url = "http://" + url;
      // One that could mean more in a unit than its text is left out.
      const bool is_plain = url.find_first_of(" \t\n\"'\\%$") == std::string::npos;
      if (is_plain && io::IsLoopbackHost(io::HostOf(url))) kept.push_back(entry);
    }
  }
  return kept;
}

Result<std::string> UserData(const NewVm& vm) {
  TRY_ASSIGN(const artifact::GcsPlace place, artifact::ParseGcsUrl(vm.settings.store));
  const attempt::RemoteKeys keys(vm.name);
  const auto object = [&](const std::string& key) {
    return io::PercentEncoded(place.prefix.empty() ? key : place.prefix + "/" + key);
  };
  std::string environment;
  for (const std::string& entry : vm.environment) environment += "Environment=" + entry + "\n";
  const std::string unit =
      With(kUnit, {{"FOLDER", kFolder},
                   {"ENVIRONMENT", environment},
                   {"SCRIPT", kScriptPath},
                   {"STOP", std::to_string(vm.is_spot ? kStopSecondsOfSpot : kStopSeconds)}});
  const std::string script =
      With(kScript, {{"STORAGE", vm.storage},
                     {"COMPUTE", vm.compute},
                     {"BUCKET", place.bucket},
                     {"PROJECT", vm.settings.place.project},
                     {"ZONE", vm.zone},
                     {"NAME", VmName(vm.name)},
                     {"ACCOUNT", vm.settings.service_account},
                     {"FOLDER", kFolder},
                     {"START", kStartPath},
                     {"EXIT", kExitPath},
                     {"STARTKEY", object(keys.start)},
                     {"EXITKEY", object(keys.exit)},
                     {"NOTSTARTED", std::string(attempt::NameOf(attempt::Ending::kNotStarted))},
                     {"LOST", std::string(attempt::NameOf(attempt::Ending::kLost))},
                     {"KILLS", std::to_string(kKillsMax)},
                     {"RUNNERKEY", object(attempt::RunnerKeyOf(vm.runner_sha256))},
                     {"DIGEST", vm.runner_sha256},
                     {"KEEP", Seconds(vm.settings.keep_on_failure)}});
  attempt::RemoteStart start;
  start.by = attempt::RemoteStart::kByMachine;
  start.vm_id = "@ID@";
  start.boot = "@BOOT@";
  start.zone = vm.zone;
  start.vm = VmName(vm.name);
  start.order_sha256 = vm.order_sha256;
  attempt::ExitRecord exit;
  exit.run = vm.name.attempt.run;
  exit.task = vm.name.attempt.task;
  exit.number = vm.name.attempt.number;
  exit.ending = attempt::Ending::kNotStarted;
  exit.message = "@MESSAGE@";
  ordered_json start_json = ordered_json::parse(attempt::StartToJson(start));
  start_json["started_at"] = "@NOW@";
  ordered_json exit_json = ordered_json::parse(attempt::ExitToJson(exit));
  exit_json["ending"] = "@ENDING@";
  exit_json["started_at"] = exit_json["ended_at"] = "@NOW@";
  const auto file = [](const char* path, const std::string& content) {
    return ordered_json{{"path", path}, {"permissions", "0600"}, {"content", content}};
  };
  // JSON is YAML.
  const ordered_json config = {
      {"write_files",
       {file(kUnitPath, unit), file(kScriptPath, script),
        file(kStartPath, start_json.dump() + "\n"), file(kExitPath, exit_json.dump() + "\n")}},
      {"runcmd",
       {{"systemctl", "daemon-reload"}, {"systemctl", "start", "--no-block", "busker.service"}}}};
  return "#cloud-config\n" + config.dump(1) + "\n";
}

Result<std::string> InsertBody(const NewVm& vm) {
  TRY_ASSIGN(const std::string user_data, UserData(vm));
  const ComputeSettings& settings = vm.settings;
  ordered_json items = ordered_json::array();
  const auto add = [&](const char* key, const std::string& value) {
    items.push_back({{"key", key}, {"value", value}});
  };
  add(attempt::kStoreAttribute, settings.store);
  add(attempt::kAttemptAttribute, vm.name.Text());
  add(attempt::kOrderAttribute, vm.order_sha256);
  add(attempt::kImageAttribute, settings.image);
  add(attempt::kKeepAttribute, Seconds(settings.keep_on_failure));
  add(attempt::kTimeoutAttribute, Seconds(VmLimit(settings)));
  add("google-logging-enabled", "false");  // else each line is stored, and paid for, twice
  add("enable-oslogin", "TRUE");
  add("block-project-ssh-keys", "TRUE");
  add("user-data", user_data);
  const ordered_json body = {
      {"name", VmName(vm.name)},
      {"description", fmt::format("Busker: {}", vm.name.attempt.Text())},
      {"machineType", fmt::format("zones/{}/machineTypes/{}", vm.zone, settings.machine_type)},
      {"labels", LabelsOf(vm)},
      {"deletionProtection", false},
      {"scheduling", SchedulingOf(vm)},
      {"disks",
       ordered_json::array({ordered_json{
           {"boot", true},
           {"autoDelete", true},
           {"initializeParams",
            {{"sourceImage", kImage},
             {"diskSizeGb", std::to_string(settings.disk_gb)},
             {"diskType", fmt::format("zones/{}/diskTypes/{}", vm.zone, settings.disk_type)},
             {"labels", LabelsOf(vm)}}}}})},
      {"networkInterfaces", ordered_json::array({InterfaceOf(vm)})},
      {"serviceAccounts",
       ordered_json::array({ordered_json{{"email", settings.service_account},
                                         {"scopes", ordered_json::array({kScope})}}})},
      {"shieldedInstanceConfig",
       {{"enableSecureBoot", true}, {"enableVtpm", true}, {"enableIntegrityMonitoring", true}}},
      {"metadata", {{"items", items}}}};
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace busker::execute
