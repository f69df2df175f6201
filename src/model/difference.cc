#include "model/difference.h"

#include <fmt/core.h>

#include <set>

#include "base/text.h"

namespace busker::model {
namespace {

using artifact::Manifest;
using Texts = std::map<std::string, std::string>;

class Comparison {
 public:
  // Empty texts: there is none.
  void Add(const char* what, const std::string& a, const std::string& b) {
    if (a == b) return;
    const auto value = [](const std::string& text) {
      return text.empty() ? std::nullopt : std::optional(text);
    };
    all_.push_back({what, "", value(a), value(b)});
  }

  void AddEach(const char* what, const Texts& a, const Texts& b, bool is_number = false) {
    std::set<std::string> names;
    for (const Texts* const texts : {&a, &b}) {
      for (const auto& [name, _] : *texts) names.insert(name);
    }
    const auto value = [](const Texts& texts, const std::string& name) {
      const auto found = texts.find(name);
      return found == texts.end() ? std::nullopt : std::optional(found->second);
    };
    for (const std::string& name : names) {
      Difference one{what, name, value(a, name), value(b, name), is_number};
      if (one.a != one.b) all_.push_back(std::move(one));
    }
  }

  std::vector<Difference> Take() { return std::move(all_); }

 private:
  std::vector<Difference> all_;
};

Texts Metrics(const Manifest& version) {
  Texts texts;
  for (const auto& [name, number] : version.metrics) texts[name] = fmt::format("{}", number);
  return texts;
}

}  // namespace

std::vector<Difference> Differences(const Manifest& a, const Manifest& b) {
  const auto environment = [](const Manifest& version) {
    return version.environment.value_or(artifact::Environment{});
  };
  Comparison comparison;
  comparison.Add("data_date", a.data_date, b.data_date);
  comparison.Add("source_commit", a.source_commit, b.source_commit);
  comparison.Add("folder_commit", a.folder_commit, b.folder_commit);
  comparison.Add("config_sha256", a.config_sha256, b.config_sha256);
  comparison.Add("command", Join(a.command, " "), Join(b.command, " "));
  comparison.Add("input", a.input.value_or(""), b.input.value_or(""));
  comparison.Add("image", a.image, b.image);
  comparison.Add("python", environment(a).python, environment(b).python);
  comparison.AddEach("package", environment(a).packages, environment(b).packages);
  comparison.AddEach("metric", Metrics(a), Metrics(b), true);
  comparison.Add("runner_version", a.runner_version, b.runner_version);
  return comparison.Take();
}

std::vector<std::string> KnownOfBoth(const Manifest& a, const Manifest& b) {
  std::vector<std::string> known;
  const auto add = [&](const char* what, const auto& knows) {
    if (knows(a) && knows(b)) known.emplace_back(what);
  };
  add("commits", [](const Manifest& version) {
    return !version.source_commit.empty() || !version.folder_commit.empty();
  });
  add("config", [](const Manifest& version) { return !version.config_sha256.empty(); });
  add("packages", [](const Manifest& version) {
    return version.environment && !version.environment->python.empty();
  });
  add("metrics", [](const Manifest& version) { return !version.metrics.empty(); });
  return known;
}

}  // namespace busker::model
