// busker.toml over the conventions: reads both and puts them together into a Service.
//
//   folder -> conventions -> [top level] [model] -> an action per config and per [actions.NAME]
//          -> [targets.NAME]; every fault on the way is collected, none ends the reading
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/id.h"
#include "base/json_syntax.h"
#include "base/text.h"
#include "io/digest.h"
#include "service/combinations.h"
#include "service/config_file.h"
#include "service/conventions.h"
#include "service/document.h"
#include "service/keys.h"
#include "service/placeholders.h"
#include "service/schedule_file.h"
#include "service/service.h"
#include "service/text_file.h"

namespace busker::service {
namespace {

namespace fs = std::filesystem;

// The folder as an absolute path without "." or a slash at its end; links in it stay, because the
// folder's own name may be the service's.
Result<std::string> RootOf(const std::string& folder) {
  std::error_code error;
  fs::path root = fs::absolute(folder.empty() ? "." : folder, error).lexically_normal();
  if (error) return SystemError("folder " + folder, error.value());
  if (!root.has_filename() && root.has_parent_path()) root = root.parent_path();
  if (fs::is_directory(root, error)) return root.string();
  return NotFound(fmt::format("no folder {}", root.string()));
}

bool ConfigExists(const Service& service, const std::string& config) {
  std::error_code ignored;  // what cannot be looked at is not there
  return fs::is_regular_file(fs::path(service.ProgramRoot()) / config, ignored);
}

// What the program's folder is, which the conventions begin with: that of [model] "folder", else
// theirs.
std::string ProgramFolderOf(const std::string& root, const Node* document, Faults& faults) {
  const Member* const model = document == nullptr ? nullptr : document->Find("model");
  const Member* const folder = model == nullptr ? nullptr : model->value.Find("folder");
  if (folder == nullptr) return ConventionalProgramFolder(root);
  const std::string& path = folder->value.text;
  if (folder->value.kind != Node::Kind::kString || !IsPlainRelativePath(path)) return {};
  std::error_code ignored;
  if (fs::is_directory(fs::path(root) / path, ignored)) return path;
  faults.Add(folder->value.at, fmt::format("\"folder\": no folder {}", Quoted(path)));
  return {};
}

// The graph files that are schedules of actions, by action.
std::map<std::string, GraphFile> ReadScheduleFiles(const std::string& root, Faults& faults) {
  std::map<std::string, GraphFile> files;
  for (const ScheduleFile& each : FindScheduleFiles(root)) {
    Faults own(each.shown);
    auto file = ReadGraphFile(each.path, own);
    if (!file) own.Add({}, file.error().message);
    for (Fault& fault : own.Sorted()) {
      faults.Add(std::move(fault.file), fault.at, std::move(fault.message));
    }
    if (file && own.empty()) files.emplace(each.action, std::move(*file));
  }
  return files;
}

// Reads one service, folder and file.
class ServiceReader {
 public:
  ServiceReader(const std::string& root, const std::string& program_folder,
                std::vector<std::string> configs, const GateCheck& check_gate, Faults& faults)
      : configs_(std::move(configs)),
        schedules_(ReadScheduleFiles(root, faults)),
        check_gate_(check_gate),
        faults_(faults) {
    draft_.service = ConventionalService(root, program_folder);
  }

  Service Read(const Node* document) {
    if (document != nullptr) {
      draft_.service.has_file = true;
      Reader top(faults_, "");
      top.ReadTable(*document, TopKeys(), draft_);
      CheckSecrets(draft_.service, draft_.secrets_at, faults_);
    }
    ReadActions();
    CheckAfter(draft_.service.actions, after_at_, faults_);
    CheckGates();
    ReadTargets();
    CheckTarget(draft_.service.target, draft_.target_at);
    for (const auto& [name, at] : target_at_) CheckTarget(draft_.service.actions[name].target, at);
    return std::move(draft_.service);
  }

 private:
  void ReadActions() {
    const bool in_file = draft_.actions != nullptr;
    for (const auto& name : configs_) {
      if (!in_file || draft_.actions->value.Find(name) == nullptr) AddAction(name, nullptr);
    }
    if (!in_file) return;
    for (const Member& member : draft_.actions->value.members) AddAction(member.name, &member);
  }

  // `member`: what the file says of it; nullptr: nothing, its config makes it.
  void AddAction(const std::string& name, const Member* member) {
    Service& service = draft_.service;
    const bool has_config = std::find(configs_.begin(), configs_.end(), name) != configs_.end();
    ActionDraft draft;
    draft.service_name = service.name;
    draft.root = service.root;
    draft.action = ConventionalAction(name, service.name, has_config);
    if (draft_.command) draft.action.command = *draft_.command;
    draft.action.command_at = draft_.command_at;
    draft.action.secrets = service.secrets;
    TakeScheduleOfFile(member, draft.action);
    if (member != nullptr) {
      if (!ReadAction(*member, draft)) return;
    }
    CheckAction(draft);
    if (draft.said.contains("after")) after_at_[name] = draft.said.at("after");
    if (draft.said.contains("target")) target_at_[name] = draft.said.at("target");
    service.actions.emplace(name, std::move(draft.action));
  }

  // Unless busker.toml says when the action runs.
  void TakeScheduleOfFile(const Member* member, Action& action) {
    const auto file = schedules_.find(action.name);
    const bool said = member != nullptr && member->value.kind == Node::Kind::kTable &&
                      member->value.Find("schedule") != nullptr;
    if (file == schedules_.end() || said) return;
    action.schedule_file = fmt::format("scheduler/configs/{}.json", action.name);
    const auto taken = TakeSchedule(file->second, action);
    if (!taken) faults_.Add(action.schedule_file, {}, taken.error().message);
  }

  bool ReadAction(const Member& member, ActionDraft& draft) {
    if (!IsName(member.name)) {
      faults_.Add(
          member.at,
          fmt::format("{} cannot be the name of an action: a-z, 0-9, \".\", \"_\" and \"-\", "
                      "a letter or digit first, at most 63",
                      Quoted(member.name)));
      return false;
    }
    if (member.value.kind != Node::Kind::kTable) {
      faults_.Add(member.value.at, fmt::format("[actions.{}] must be a table, not {}", member.name,
                                               Describe(member.value)));
      return false;
    }
    draft.at = member.at;
    for (const Member& key : member.value.members) {
      draft.said[key.name] = key.value.at;
      if (key.name == "command") draft.action.command_at = key.value.at;
      if (key.name == "cpus") draft.action.cpus_at = key.value.at;
      if (key.name == "memory") draft.action.memory_at = key.value.at;
    }
    Reader reader(faults_, fmt::format("[actions.{}]", member.name));
    reader.ReadTable(member.value, ActionKeys(), draft);
    ResolveBounds(draft, faults_);
    CheckSecrets(draft_.service, draft.secrets_at, faults_);
    if (draft.action.overlap == plan::Overlap::kAllow && !draft.said.contains("runs_at_once")) {
      draft.action.runs_at_once = kRunsAtOnceAllowed;
    }
    if (!draft.said.contains("promote") && draft.said.contains("promote_when")) {
      draft.action.promotes = true;
    }
    const bool conventional = !draft_.command && !draft.said.contains("command");
    if (conventional && draft.said.contains("config")) {
      // The conventional command spells out the conventional path.
      draft.action.command.back() = "${CONFIG}";
    }
    return true;
  }

  // What only the whole action can tell.
  void CheckAction(const ActionDraft& draft) {
    const Action& action = draft.action;
    const auto said = [&](std::string_view key) { return draft.said.contains(key); };
    CheckConfig(draft);
    for (const auto& word : action.command) {
      const auto fault = FindPlaceholderFault(word, PlaceholderUse::kValue);
      if (!fault) continue;
      // A fault of the command of all actions is one fault, not one for each.
      const Position at = said("command") ? draft.said.at("command") : draft_.command_at;
      if (said("command") || !model_command_faulted_) {
        faults_.Add(at, fmt::format("\"command\": {}", *fault));
      }
      model_command_faulted_ = model_command_faulted_ || !said("command");
      break;
    }
    CheckCombinations(draft, faults_);
    if (said("promote_when") && said("promote") && !action.promotes) {
      faults_.Add(draft.said.at("promote_when"),
                  "\"promote_when\" means nothing with promote = false");
    }
    if (action.promote_when) gate_at_[action.name] = draft.said.at("promote_when");
    CheckTables(draft);
  }

  // Once all actions are known: a gate may name the metrics of those that test.
  void CheckGates() {
    if (!check_gate_) return;
    const std::vector<std::string> tests = Testing(draft_.service);
    for (const auto& [name, at] : gate_at_) {
      const Action& action = draft_.service.actions.at(name);
      const auto checked = check_gate_(*action.promote_when, tests);
      if (!checked) faults_.Add(at, fmt::format("\"promote_when\": {}", checked.error().message));
    }
  }

  void CheckConfig(const ActionDraft& draft) {
    const Action& action = draft.action;
    if (!action.config.empty()) {
      if (ConfigExists(draft_.service, action.config)) return;
      const bool listed =
          std::find(configs_.begin(), configs_.end(), action.name) != configs_.end();
      if (listed && action.config == "configs/" + action.name + ".json")
        return;  // has had its fault
      const Position at = draft.said.contains("config") ? draft.said.at("config") : draft.at;
      faults_.Add(
          at, fmt::format("\"config\": no file {}", Quoted(draft_.service.Shown(action.config))));
      return;
    }
    bool needed = action.command == ConventionalCommand();
    for (const auto& word : action.command) needed = needed || Mentions(word, "CONFIG");
    // A key that could not be read has had its fault.
    if (!needed || draft.said.contains("config")) return;
    const auto nearest = Nearest(action.name, configs_);
    faults_.Add(
        draft.at,
        fmt::format("the command of action {} has a config, but there is no "
                    "{}{}",
                    Quoted(action.name), draft_.service.Shown("configs/" + action.name + ".json"),
                    nearest ? fmt::format("; did you mean [actions.{}]?", *nearest) : ""));
  }

  void CheckTables(const ActionDraft& draft) {
    const Service& service = draft_.service;
    const std::map<std::string, std::string> sample = {{"NAME", service.name},
                                                       {"VERSION", service.version},
                                                       {"ACTION", draft.action.name},
                                                       {"CONFIG", draft.action.config},
                                                       {"DATE", "2019-08-01"},
                                                       {"TIMESTAMP", "20190801T000000Z"},
                                                       {"RUN", "run"},
                                                       {"ROOT", "root"}};
    std::set<std::string> seen;
    for (const auto& delivery : draft.action.deliveries) {
      const auto found = draft.tables_at.find(delivery.file);
      const Position at = found == draft.tables_at.end() ? draft.at : found->second;
      if (delivery.table.empty()) continue;  // has had its fault
      const auto table = ExpandTable(delivery.table, sample);
      if (!table) {
        faults_.Add(at, fmt::format("\"table\": {}", table.error().message));
      } else if (!IsTable(*table)) {
        faults_.Add(
            at, fmt::format("\"table\": {} is not a table such as \"{}.predictions\": two names "
                            "of a-z, 0-9 and \"_\", at most 63 each, with a dot between",
                            Quoted(delivery.table), TableWord(service.name)));
      } else if (!seen.insert(*table).second) {
        faults_.Add(at, fmt::format("\"table\": {} gets another file of this action already",
                                    Quoted(delivery.table)));
      }
    }
  }

  static bool IsTable(const std::string& table) {
    const auto names = Split(table, '.');
    if (names.size() != 2) return false;
    for (const auto& name : names) {
      if (name.empty() || name.size() > 63 || TableWord(name) != name) return false;
    }
    return true;
  }

  void ReadTargets() {
    if (draft_.targets == nullptr) return;
    for (const Member& member : draft_.targets->value.members) {
      if (!IsName(member.name)) {
        faults_.Add(member.at,
                    fmt::format("{} cannot be the name of a target: a-z, 0-9, \".\", \"_\" "
                                "and \"-\", a letter or digit first, at most 63",
                                Quoted(member.name)));
        continue;
      }
      if (member.value.kind != Node::Kind::kTable) {
        faults_.Add(member.value.at, fmt::format("[targets.{}] must be a table, not {}",
                                                 member.name, Describe(member.value)));
        continue;
      }
      Target target;
      target.name = member.name;
      Reader reader(faults_, fmt::format("[targets.{}]", member.name),
                    {&RefusedTargetKey, &TableWithKey, &NearestKey});
      reader.ReadTable(member.value, TargetKeys(), target);
      draft_.service.targets.emplace(member.name, std::move(target));
    }
  }

  void CheckTarget(const std::string& name, Position at) {
    const auto& targets = draft_.service.targets;
    if (name.empty() || name == "local" || targets.contains(name)) return;
    std::vector<std::string> names = {"local"};
    for (const auto& [other, _] : targets) names.push_back(other);
    const auto nearest = Nearest(name, names);
    faults_.Add(at, fmt::format("\"target\": no [targets.{}]; {}", name,
                                nearest ? fmt::format("did you mean \"{}\"?", *nearest)
                                        : "there is " + Join(names, ", ")));
  }

  ServiceDraft draft_;
  std::vector<std::string> configs_;                  // names, without configs/ and .json
  const std::map<std::string, GraphFile> schedules_;  // by action
  const GateCheck& check_gate_;
  Faults& faults_;
  std::map<std::string, Position> after_at_;   // of the "after" of each action that has one
  std::map<std::string, Position> target_at_;  // the same of "target"
  std::map<std::string, Position> gate_at_;    // the same of "promote_when"
  bool model_command_faulted_ = false;
};

// What each action's definition is, for the record: of the text that was read, whatever the files
// hold later.
void DigestDefinitions(Service& service, const std::string& text) {
  for (auto& [_, action] : service.actions) {
    io::Sha256 digest;
    digest.Add(text);
    if (!action.schedule_file.empty()) {
      const auto schedule = ReadTextFile((fs::path(service.root) / action.schedule_file).string(),
                                         kGraphFileBytesMax);
      if (schedule && *schedule) digest.Add(**schedule);
    }
    if (!action.config.empty()) {
      const auto config =
          ReadTextFile((fs::path(service.ProgramRoot()) / action.config).string(), kConfigBytesMax);
      if (config && *config) digest.Add(**config);
    }
    action.definition = digest.Finish();
  }
}

// Without a busker.toml it is its configs that make a folder a service: what is not JSON may be
// anything, a graph file that is being written among it.
void CheckConfigsAreJson(const Service& service, Faults& faults) {
  for (const auto& [_, action] : service.actions) {
    if (action.config.empty()) continue;
    const auto text =
        ReadTextFile((fs::path(service.ProgramRoot()) / action.config).string(), kConfigBytesMax);
    if (!text || !*text) continue;
    if (const auto fault = FindJsonFault(**text)) {
      faults.Add(service.Shown(action.config), {fault->line, fault->column},
                 "not JSON: " + fault->reason);
    }
  }
}

// Where `python -m prediction.main` would hardly find its module: source/ is empty, or there is
// none and no .venv that may have it. It may be installed elsewhere, so this is no fault; and in
// the image of a target.
void WarnOfMissingProgram(Service& service) {
  if (!service.target.empty() && service.target != "local") return;
  const fs::path root = service.ProgramRoot();
  std::error_code ignored;
  const bool is_conventional = std::any_of(
      service.actions.begin(), service.actions.end(),
      [](const auto& action) { return action.second.command == ConventionalCommand(); });
  const auto path = service.environment.find("PYTHONPATH");
  const bool looks_elsewhere = path != service.environment.end() && path->second != "source";
  if (!is_conventional || looks_elsewhere || fs::exists(root / "prediction", ignored) ||
      fs::exists(root / "prediction.py", ignored)) {
    return;
  }
  const bool is_there = fs::exists(root / "source", ignored);
  if (is_there ? !fs::is_empty(root / "source", ignored) : fs::exists(root / ".venv", ignored)) {
    return;
  }
  service.warnings.push_back(fmt::format(
      "{}: {}, and python -m prediction.main looks there for source/prediction; put the program "
      "there, or say its command in {}",
      service.Shown("source/"), is_there ? "the folder is empty" : "no such folder", kServiceFile));
}

// The service as far as it can be read; its faults are added.
Result<Service> ReadService(const std::string& folder, const GateCheck& check_gate,
                            Faults& faults) {
  TRY_ASSIGN(const std::string root, RootOf(folder));
  TRY_ASSIGN(const auto text,
             ReadTextFile((fs::path(root) / kServiceFile).string(), kDocumentBytesMax));
  std::error_code ignored;
  if (!text && fs::is_symlink(fs::path(root) / kServiceFile, ignored)) {
    return Invalid(fmt::format("{}: a link to a file that is not there", kServiceFile));
  }
  std::optional<Node> document;
  if (text) {
    document = ParseDocument(*text, faults);
    if (!document) return Service{};
  }
  const Node* const said = document ? &*document : nullptr;
  const std::string program_folder = ProgramFolderOf(root, said, faults);
  CheckSubmodules(root, program_folder, faults);
  TRY_ASSIGN(const auto configs, FindConfigs(root, program_folder, faults));
  if (!text && configs.empty() && faults.empty()) {
    return NotFound(fmt::format("{} is not a service: it has neither {} nor configs/*.json", root,
                                kServiceFile));
  }
  Service service = ServiceReader(root, program_folder, configs, check_gate, faults).Read(said);
  service.warnings = faults.Warnings();
  WarnOfMissingProgram(service);
  if (service.actions.empty() && faults.empty()) {
    faults.Add({},
               "no actions: add configs/training.json, or [actions.training] with a "
               "command");
  }
  DigestDefinitions(service, text.value_or(""));
  return service;
}

// A service file in the program's folder, which nothing reads when the service is the folder above.
void CheckStrayFile(const Service& service, Faults& faults) {
  if (service.program_folder.empty()) return;
  std::error_code ignored;
  const fs::path file = fs::path(service.ProgramRoot()) / kServiceFile;
  if (!fs::exists(fs::symlink_status(file, ignored))) return;
  faults.Add(service.Shown(kServiceFile), {},
             fmt::format("is not read: the service's folder is {}; {}", service.root,
                         service.has_file ? "say it in the busker.toml there"
                                          : "busker init writes a busker.toml there"));
}

void CheckDockerfile(const Service& service, Faults& faults) {
  const std::string& file = service.image.dockerfile;
  std::error_code ignored;
  if (file.empty() || fs::is_regular_file(fs::path(service.root) / file, ignored)) return;
  faults.Add(service.image.dockerfile_at, fmt::format("\"dockerfile\": no file {}", Quoted(file)));
}

}  // namespace

Result<Service> LoadService(const std::string& folder, const GateCheck& check_gate) {
  Faults faults;
  TRY_ASSIGN(Service service, ReadService(folder, check_gate, faults));
  if (!service.has_file && faults.empty()) CheckConfigsAreJson(service, faults);
  if (!faults.empty()) return Invalid(ToString(faults.Sorted().front()));
  return service;
}

std::vector<std::string> Validate(const std::string& folder, const GateCheck& check_gate) {
  Faults faults;
  const auto service = ReadService(folder, check_gate, faults);
  if (!service) return {service.error().message};
  CheckStrayFile(*service, faults);
  CheckDockerfile(*service, faults);
  std::set<std::string> configs;
  for (const auto& [name, action] : service->actions) {
    if (!action.config.empty() && configs.insert(action.config).second) {
      CheckConfigFile(*service, action.config, faults);
    }
  }
  return faults.Sentences();
}

std::string Service::ProgramRoot() const {
  return program_folder.empty() ? root : root + "/" + program_folder;
}

std::string Service::Shown(const std::string& path) const {
  return program_folder.empty() ? path : program_folder + "/" + path;
}

std::vector<std::string> Promoting(const Service& service) {
  std::vector<std::string> names;
  for (const auto& [name, action] : service.actions) {
    if (action.promotes) names.push_back(name);
  }
  return names;
}

std::vector<std::string> Testing(const Service& service) {
  std::vector<std::string> names;
  for (const auto& [name, action] : service.actions) {
    if (action.input == Input::kCandidate) names.push_back(name);
  }
  return names;
}

Result<const Action*> FindAction(const Service& service, const std::string& name) {
  const auto found = service.actions.find(name);
  if (found != service.actions.end()) return &found->second;
  std::vector<std::string> names;
  for (const auto& [known, action] : service.actions) names.push_back(known);
  const auto nearest = Nearest(name, names);
  return NotFound(fmt::format("service '{}' has no action {}{}", service.name, Quoted(name),
                              nearest ? fmt::format(", did you mean \"{}\"?", *nearest)
                                      : "; there are: " + Join(names, ", ")));
}

}  // namespace busker::service
