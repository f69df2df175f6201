// The busker.toml that `busker init` writes: the conventions spelled out, and what could be said
// beside them as comments.
#include <fmt/core.h>

#include <algorithm>

#include "service/keys.h"
#include "service/service.h"

namespace busker::service {
namespace {

// A TOML basic string.
std::string Text(std::string_view value) {
  std::string text = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      text += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      text += c;
    }
  }
  return text + "\"";
}

// The words as one command line that SplitWords splits into the same words.
std::string CommandLine(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_of(" \t\r\n'\"\\") == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

// A key with an example, as a comment.
std::string Example(const KeyInfo& key) {
  return fmt::format("# {} = {}\n", key.name, key.example);
}

const KeyInfo& Info(std::span<const Key<ActionDraft>> keys, std::string_view name) {
  return std::find_if(keys.begin(), keys.end(),
                      [&](const auto& key) { return key.info.name == name; })
      ->info;
}

std::string Environment(const Service& service) {
  if (service.environment.empty()) return "# environment = { OMP_NUM_THREADS = \"1\" }\n";
  std::string text = "[model.environment]\n";
  for (const auto& [name, value] : service.environment) {
    text += fmt::format("{} = {}\n", Text(name), Text(value));
  }
  return text;
}

std::string Deliveries(const Action& action) {
  std::string text;
  for (const DeliverySetting& delivery : action.deliveries) {
    text += fmt::format(
        "\n# Loads this file of output/ into a table of the warehouse.\n"
        "[actions.{}.deliver.{}]\ntable = {}\n",
        action.name, Text(delivery.file), Text(delivery.table));
    text += "# The columns and their BigQuery types; without them the types are inferred.\n";
    text +=
        "# schema = { customer_id = \"STRING\", probability = \"FLOAT64\", label = \"BOOL\" }\n";
    text += fmt::format("write = {}  # or \"append\", or \"partition\" (by data date)\n",
                        Text(delivery.write));
    text += "# rows_min = 1\n";
  }
  return text;
}

std::string Examples(std::initializer_list<const char*> names) {
  std::string text;
  for (const char* const name : names) text += Example(Info(ActionKeys(), name));
  return text;
}

// What the graph file says that has the schedule so far, and is not asked any more once it is said
// here; examples where none does.
std::string WhenItRuns(const Action& action) {
  std::string text =
      "# When it runs (cron, or @daily and the like), in which time zone, and by when it must be "
      "done";
  if (!action.schedule) {
    return text + ".\n" + Examples({"schedule", "time_zone", "expected_by"});
  }
  text += fmt::format(";\n# as {} says until it is said here.\n", action.schedule_file);
  text += fmt::format("schedule = {}\ntime_zone = {}\n", Text(*action.schedule),
                      Text(action.time_zone));
  if (action.start) text += fmt::format("start = {}\n", Text(FormatRfc3339(*action.start)));
  if (action.end) text += fmt::format("end = {}\n", Text(FormatRfc3339(*action.end)));
  return text + Examples({"expected_by"});
}

std::string WhichRuns(const Action& action) {
  std::string text =
      "# Which missed instants are run later, and what becomes of a run that meets another.\n";
  if (!action.schedule) return text + Examples({"catch_up", "concurrency"});
  text += fmt::format("catch_up = {}\n", Text(plan::NameOf(action.catch_up)));
  if (action.runs_at_once != 1) text += fmt::format("runs_at_once = {}\n", action.runs_at_once);
  if (action.depends_on_past) text += "depends_on_past = true\n";
  return text + Examples({"concurrency"});
}

std::string WhenItFails(const Action& action) {
  std::string text =
      "# What happens when it fails or hangs.\n" + Examples({"retries", "retry_delay", "timeout"});
  if (!action.run_timeout) return text + Examples({"run_timeout"});
  return text + fmt::format("run_timeout = \"{}ms\"\n", action.run_timeout->count());
}

std::string ActionTable(const Action& action) {
  std::string text = fmt::format("\n[actions.{}]\n", action.name);
  if (action.input == Input::kLive) {
    text +=
        "# The live version is copied into output/ before the program starts.\ninput = \"live\"\n";
  }
  if (action.promotes) {
    text +=
        "# What it saves becomes live; with promote_when, only under that condition on\n"
        "# output/metrics.json.\npromote = true\n";
    text += Examples({"promote_when"});
  }
  return text + WhenItRuns(action) + WhichRuns(action) + WhenItFails(action) + Deliveries(action);
}

}  // namespace

std::string InitialFile(const Service& service) {
  std::string text =
      "# What this service is. All of it is what the folder says by convention; a line that is "
      "taken\n"
      "# away changes nothing. Lines that are commented out show what else can be said.\n"
      "# \"busker validate\" checks the file, \"busker schema\" prints its JSON Schema for "
      "editors.\n\n";
  text += fmt::format("name = {}\nversion = {}  # artifacts of different versions are kept apart\n",
                      Text(service.name), Text(service.version));
  text += "\n[model]\n";
  if (!service.program_folder.empty()) {
    text += fmt::format(
        "# Where the program is, with its configs/ and source/; paths to configs begin there.\n"
        "folder = {}\n",
        Text(service.program_folder));
  }
  if (!service.actions.empty()) {
    text += fmt::format(
        "# How the model program is started: split into words, run without a shell. The "
        "placeholders\n"
        "# are ${{NAME}} ${{VERSION}} ${{ACTION}} ${{CONFIG}} ${{DATE}} ${{TIMESTAMP}} ${{RUN}} "
        "${{ROOT}}.\ncommand = {}\n",
        Text(CommandLine(service.actions.begin()->second.command)));
  }
  text +=
      "# Variables of your own environment that the program gets too.\n"
      "# pass_environment = [\"HTTPS_PROXY\"]\n";
  text += Environment(service);
  for (const auto& [name, action] : service.actions) text += ActionTable(action);
  text +=
      "\n# Who is told when a run fails or is late.\n"
      "# [notify]\n"
      "# webhook = \"https://example.com/hook\"\n"
      "# command = \"notify-send busker\"\n"
      "\n# Other places than this machine, chosen with --target cloud.\n"
      "# [targets.cloud]\n"
      "# executor = "
      "\"compute-engine://example-project/europe-west1-b?machine_type=e2-standard-2\"\n"
      "# image = \"eu.gcr.io/example-project/example\"\n"
      "# artifacts = \"gs://example-bucket\"\n"
      "# warehouse = \"bigquery://example-project\"\n"
      "# log = \"cloud-logging://example-project\"\n";
  return text;
}

}  // namespace busker::service
