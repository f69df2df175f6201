// A graph file over Airflow's defaults.
//
//   JSON -> "graph", with default_args -> a task for each of "tasks", over default_args
//        -> "dependencies" -> the order; every fault on the way is collected, none ends the reading
#include "service/graph_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <unordered_map>

#include "base/text.h"
#include "io/digest.h"
#include "service/combinations.h"
#include "service/graph_keys.h"
#include "service/graph_order.h"
#include "service/json_document.h"
#include "service/text_file.h"

namespace busker::service {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCodeBytesMax = (128u << 10) - 1;  // of one argument of a Linux program
constexpr int kSuggestionsMax = 50;                      // each looks at the names of all tasks

// What the shell takes for itself whether it is in quotes or not; a blank is for quotes.
bool IsHarmlessInShell(std::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return word || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("/._-+@%:,= ").find(c) != std::string_view::npos;
  });
}

class GraphReader {
 public:
  GraphReader(const fs::path& path, Faults& faults) : faults_(faults) {
    draft_.file.path = path.string();
    draft_.file.root = path.parent_path().parent_path().string();
  }

  GraphFile Read(const Node& document) {
    const Member* tasks = nullptr;
    const Member* dependencies = nullptr;
    bool has_graph = false;
    for (const Member& member : document.members) {
      if (member.name == "graph") {
        has_graph = true;
        ReadGraph(member);
      } else if (member.name == "tasks") {
        tasks = &member;
      } else if (member.name == "dependencies") {
        dependencies = &member;
      } else {
        Unknown(member);
      }
    }
    for (const auto& [key, there] :
         {std::pair{"graph", has_graph}, std::pair{"tasks", tasks != nullptr}}) {
      if (!there) faults_.Add({1, 1}, fmt::format("the file needs the key \"{}\"", key));
    }
    if (tasks != nullptr) ReadTasks(*tasks);
    if (dependencies != nullptr && tasks_readable_) ReadDependencies(*dependencies);
    return std::move(draft_.file);
  }

 private:
  void Unknown(const Member& member) {
    Reader top(faults_, "", GraphKeyHelp());
    top.Unknown(member, {"graph", "tasks", "dependencies"});
  }

  // `member` as the type that `what` says; nullptr: it is another, which is a fault.
  const Node* Of(const Member& member, Node::Kind kind, std::string_view what) {
    if (member.value.kind == kind) return &member.value;
    faults_.Add(member.value.at, fmt::format("{} must be {}, not {}", Quoted(member.name), what,
                                             Describe(member.value)));
    return nullptr;
  }

  void ReadGraph(const Member& member) {
    const Node* graph = Of(member, Node::Kind::kTable, "an object with \"dag_id\"");
    if (graph == nullptr) return;
    Reader reader(faults_, "\"graph\"", GraphKeyHelp());
    reader.ReadTable(*graph, GraphKeys(), draft_);
    if (graph->Find("dag_id") == nullptr) {
      faults_.Add(member.at, "\"graph\" needs the key \"dag_id\", the name of the graph");
    }
    if (draft_.default_args != nullptr) {
      Reader args(faults_, "\"default_args\"", GraphKeyHelp());
      args.ReadTable(*draft_.default_args, DefaultArgKeys(), defaults_);
      CheckTimes(*draft_.default_args, "\"default_args\"", defaults_.task);
    }
    GraphFile& file = draft_.file;
    file.owner = defaults_.task.owner;
    file.start = Bound("start_date", draft_.start.text.empty() ? defaults_.start : draft_.start);
    const BoundDraft& end = draft_.end.text.empty() ? defaults_.end : draft_.end;
    file.end = Bound("end_date", end);
    if (file.start && file.end && *file.end < *file.start) {
      faults_.Add(end.at, fmt::format("\"end_date\" is before \"start_date\", {}",
                                      FormatRfc3339(*file.start)));
    }
  }

  std::optional<Instant> Bound(std::string_view key, const BoundDraft& bound) {
    if (bound.text.empty()) return std::nullopt;
    const auto instant = ParseBound(bound.text, draft_.file.time_zone, true);
    if (instant) return *instant;
    faults_.Add(bound.at, fmt::format("\"{}\": {}", key, instant.error().message));
    return std::nullopt;
  }

  void ReadTasks(const Member& member) {
    const Node* tasks = Of(member, Node::Kind::kArray, "an array of objects");
    if (tasks == nullptr) return;
    if (tasks->items.empty()) {
      faults_.Add(tasks->at, "\"tasks\" is empty; a graph needs at least one task");
      return;
    }
    if (tasks->items.size() > kGraphTasksMax) {
      faults_.Add(tasks->items[kGraphTasksMax].at,
                  fmt::format("more than {} tasks", WithThousands(kGraphTasksMax)));
      return;
    }
    tasks_readable_ = true;
    for (std::size_t i = 0; i < tasks->items.size() && !faults_.full(); ++i) {
      ReadTask(tasks->items[i], i + 1);
    }
    draft_.file.notify.on = {"failed"};
  }

  void ReadTask(const Node& node, std::size_t number) {
    if (node.kind != Node::Kind::kTable) {
      faults_.Add(node.at,
                  fmt::format("task {} must be an object with \"name\" and \"code\", not {}",
                              number, Describe(node)));
      tasks_readable_ = false;
      return;
    }
    TaskDraft draft = defaults_;
    const Member* name = node.Find("name");
    const bool named = name != nullptr && name->value.kind == Node::Kind::kString;
    const std::string what =
        named ? "task " + Quoted(name->value.text) : fmt::format("task {}", number);
    Reader reader(faults_, what, GraphKeyHelp());
    reader.ReadTable(node, TaskKeys(), draft);
    for (const char* key : {"name", "code"}) {
      if (node.Find(key) == nullptr || node.Find(key)->value.kind == Node::Kind::kNull) {
        faults_.Add(node.at, fmt::format("{} needs the key \"{}\"", what, key));
      }
    }
    if (node.Find("pool_slots") != nullptr && draft.task.pool.empty()) {
      faults_.Add(node.Find("pool_slots")->at,
                  fmt::format("\"pool_slots\" in {} means nothing without a \"pool\"", what));
    }
    CheckTimes(node, what, draft.task);
    PutInRoot(draft);
    if (draft.email_on_failure) {
      auto& emails = draft_.file.notify.emails;
      for (const auto& email : draft.emails) {
        if (emails_.insert(email).second) emails.push_back(email);
      }
    }
    if (draft.task.name.empty()) {
      tasks_readable_ = false;  // what depends on it would be told to be unknown
      return;
    }
    if (!indices_.emplace(draft.task.name, draft_.file.tasks.size()).second) {
      faults_.Add(draft.name_at,
                  fmt::format("there is a task {} already; give this one another name",
                              Quoted(draft.task.name)));
      return;
    }
    draft_.file.tasks.push_back(std::move(draft.task));
  }

  // Of a task or of default_args: only what it says itself, so that one fault is told once.
  void CheckTimes(const Node& node, const std::string& what, const GraphTask& task) {
    const bool says_delay =
        node.Find("retry_delay") != nullptr || node.Find("max_retry_delay") != nullptr;
    if (says_delay && task.exponential && task.retry_delay_max &&
        *task.retry_delay_max < task.retry_delay) {
      faults_.Add(node.at,
                  fmt::format("{}: \"max_retry_delay\" is shorter than \"retry_delay\", {}", what,
                              FormatDuration(task.retry_delay)));
    }
    const auto& limit = draft_.file.run_timeout;
    if (limit && task.timeout && *limit < *task.timeout && node.Find("execution_timeout")) {
      faults_.Add(
          node.Find("execution_timeout")->value.at,
          fmt::format("\"execution_timeout\" in {} is longer than the \"dagrun_timeout\" of "
                      "the whole run, {}",
                      what, FormatDuration(*limit)));
    }
  }

  // ${ROOT} in the code; any other ${...} is the shell's.
  void PutInRoot(TaskDraft& draft) {
    constexpr std::string_view kRoot = "${ROOT}";
    std::string& code = draft.task.code;
    const std::string& root = draft_.file.root;
    std::size_t at = code.find(kRoot);
    if (at != std::string::npos && !IsHarmlessInShell(root)) {
      faults_.Add(
          draft.code_at,
          fmt::format("\"code\": ${{ROOT}} is {}, which has a character that the shell takes "
                      "for its own; move the files to a folder without it",
                      Quoted(root)));
      return;
    }
    std::string whole;
    std::size_t from = 0;
    for (; at != std::string::npos; at = code.find(kRoot, from)) {
      whole.append(code, from, at - from).append(root);
      from = at + kRoot.size();
      if (whole.size() > kCodeBytesMax) break;
    }
    code = whole + code.substr(from);
    if (code.size() > kCodeBytesMax) {
      faults_.Add(
          draft.code_at,
          "\"code\" is longer than 128 KiB, which no shell can be handed; put it in a script");
    }
  }

  void ReadDependencies(const Member& member) {
    if (member.value.kind == Node::Kind::kNull) return;
    const Node* pairs = Of(member, Node::Kind::kArray, "an array of [\"child\", \"parent\"]");
    if (pairs == nullptr) return;
    if (pairs->items.size() > kGraphDependenciesMax) {
      faults_.Add(pairs->items[kGraphDependenciesMax].at,
                  fmt::format("more than {} dependencies", WithThousands(kGraphDependenciesMax)));
      return;
    }
    std::vector<Dependency> dependencies;
    std::set<std::pair<std::size_t, std::size_t>> seen;
    for (const Node& pair : pairs->items) {
      if (faults_.full()) return;
      const auto dependency = ReadDependency(pair);
      if (!dependency) continue;
      if (!seen.emplace(dependency->child, dependency->parent).second) {
        faults_.Add(pair.at, fmt::format("this dependency, {} on {}, is there already",
                                         Quoted(pair.items[0].text), Quoted(pair.items[1].text)));
        continue;
      }
      dependencies.push_back(*dependency);
    }
    OrderTasks(draft_.file.tasks, dependencies, faults_);
  }

  std::optional<Dependency> ReadDependency(const Node& pair) {
    const bool good = pair.kind == Node::Kind::kArray && pair.items.size() == 2 &&
                      pair.items[0].kind == Node::Kind::kString &&
                      pair.items[1].kind == Node::Kind::kString;
    if (!good) {
      const std::string is = pair.kind == Node::Kind::kArray && pair.items.size() != 2
                                 ? fmt::format("an array of {}", pair.items.size())
                             : pair.kind == Node::Kind::kArray ? "an array of other things"
                                                               : Describe(pair);
      faults_.Add(
          pair.at,
          fmt::format("a dependency must be two names of tasks, [\"child\", \"parent\"], not "
                      "{}",
                      is));
      return std::nullopt;
    }
    const auto child = Find(pair.items[0]);
    const auto parent = Find(pair.items[1]);
    if (!child || !parent) return std::nullopt;
    if (*child == *parent) {
      faults_.Add(pair.at,
                  fmt::format("task {} cannot wait for itself", Quoted(pair.items[0].text)));
      return std::nullopt;
    }
    return Dependency{*child, *parent, pair.at};
  }

  std::optional<std::size_t> Find(const Node& name) {
    const auto found = indices_.find(name.text);
    if (found != indices_.end()) return found->second;
    std::optional<std::string> nearest;
    if (suggestions_++ < kSuggestionsMax) {
      std::vector<std::string> names;
      for (const GraphTask& task : draft_.file.tasks) names.push_back(task.name);
      nearest = Nearest(name.text, names);
    }
    faults_.Add(name.at, fmt::format("no task {}{}", Quoted(name.text),
                                     nearest ? fmt::format(", did you mean \"{}\"?", *nearest)
                                             : "; add it to \"tasks\""));
    return std::nullopt;
  }

  GraphDraft draft_;
  TaskDraft defaults_;
  Faults& faults_;
  bool tasks_readable_ = false;
  std::unordered_map<std::string, std::size_t> indices_;  // of tasks, by name
  std::set<std::string> emails_;
  int suggestions_ = 0;
};

Result<GraphFile> ReadGraphFile(const GraphText& text, Faults& faults) {
  std::error_code error;
  const fs::path absolute = fs::absolute(text.path, error).lexically_normal();
  if (error) return SystemError("file " + text.path, error.value());
  const auto document = ParseJsonDocument(text.text, kGraphFileBytesMax, faults);
  if (!document) return GraphFile{};
  GraphFile file = GraphReader(absolute, faults).Read(*document);
  file.definition = text.Definition();
  return file;
}

}  // namespace

std::string GraphText::Definition() const { return io::Sha256Of(text); }

Result<GraphText> ReadGraphText(const std::string& path) {
  TRY_ASSIGN(auto text, ReadTextFile(path, kGraphFileBytesMax));
  if (!text) return NotFound(fmt::format("no file {}", path));
  text->shrink_to_fit();
  return GraphText{path, *std::move(text)};
}

Result<GraphFile> ReadGraphFile(const std::string& path, Faults& faults) {
  TRY_ASSIGN(const GraphText text, ReadGraphText(path));
  return ReadGraphFile(text, faults);
}

Result<GraphFile> LoadGraphFile(const std::string& path) {
  TRY_ASSIGN(const GraphText text, ReadGraphText(path));
  return LoadGraphFile(text);
}

Result<GraphFile> LoadGraphFile(const GraphText& text) {
  Faults faults(text.path);
  TRY_ASSIGN(GraphFile file, ReadGraphFile(text, faults));
  if (!faults.empty()) return Invalid(ToString(faults.Sorted().front()));
  return file;
}

std::vector<std::string> ValidateGraphFile(const std::string& path) {
  Faults faults(path);
  const auto file = ReadGraphFile(path, faults);
  if (!file) return {file.error().message};
  return faults.Sentences();
}

// Of a file that breaks off, half written, "graph" with an object says enough.
bool LooksLikeGraphFile(std::string_view text) {
  bool graph = false;
  bool tasks = false;
  bool object = false;  // what "graph" has
  int depth = 0;
  for (std::size_t at = 0; at < text.size() && !(graph && tasks); ++at) {
    const char c = text[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const std::size_t begin = ++at;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    if (depth != 1 || at >= text.size()) continue;
    const auto next = text.find_first_not_of(" \t\r\n", at + 1);
    if (next == std::string_view::npos || text[next] != ':') continue;
    const auto key = text.substr(begin, at - begin);
    if (key == "graph") {
      graph = true;
      const auto value = text.find_first_not_of(" \t\r\n", next + 1);
      object = value != std::string_view::npos && text[value] == '{';
    }
    tasks = tasks || key == "tasks";
  }
  return graph && (tasks || (object && depth > 0));
}

bool IsGraphFile(const std::string& path) {
  const auto text = ReadTextFile(path, kGraphFileBytesMax);
  return text && *text && LooksLikeGraphFile(**text);
}

std::vector<std::string> CommandOf(const GraphTask& task) { return {"bash", "-c", task.code}; }

}  // namespace busker::service
