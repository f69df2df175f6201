#include "model/versions.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/text.h"

namespace busker::model {
namespace {

// `tests`: of one action, oldest first, so that the last of a version counts.
void AddTests(const std::vector<artifact::Manifest>& tests, std::vector<artifact::Manifest>& all) {
  std::map<std::string, const artifact::Manifest*> last;
  for (const artifact::Manifest& test : tests) {
    if (test.input) last[*test.input] = &test;
  }
  for (artifact::Manifest& version : all) {
    const auto test = last.find(version.name.Key());
    if (test == last.end()) continue;
    for (const auto& [name, value] : test->second->metrics) {
      version.metrics[test->second->name.action + "." + name] = value;
    }
  }
}

}  // namespace

bool IsMeant(const artifact::VersionName& name, const std::string& text) {
  return text == name.timestamp || text == name.action + "/" + name.timestamp || text == name.Key();
}

Result<Versions> ReadVersions(artifact::Store& store, const std::string& service,
                              const std::string& service_version,
                              const std::vector<std::string>& actions,
                              const io::Interrupt& interrupt,
                              const std::vector<std::string>& tests) {
  Versions versions;
  for (const std::string& action : actions) {
    TRY_ASSIGN(auto some, artifact::ListVersions(store, service, service_version, action, interrupt,
                                                 &versions.unreadable, &versions.retired));
    std::move(some.begin(), some.end(), std::back_inserter(versions.all));
  }
  std::stable_sort(versions.all.begin(), versions.all.end(), [](const auto& a, const auto& b) {
    return a.name.timestamp < b.name.timestamp;
  });
  for (const std::string& test : tests) {
    TRY_ASSIGN(const auto found, artifact::ListVersions(store, service, service_version, test,
                                                        interrupt, &versions.unreadable));
    AddTests(found, versions.all);
  }
  TRY_ASSIGN(versions.live, ReadLive(store, service, service_version, interrupt));
  TRY_ASSIGN(versions.rulings, ReadRulings(store, service, service_version, interrupt));
  return versions;
}

Result<artifact::VersionName> FindVersion(const Versions& versions, const std::string& service,
                                          const std::string& service_version,
                                          const std::string& text) {
  std::vector<artifact::VersionName> found;
  std::vector<std::string> timestamps;
  for (const auto& manifest : versions.all) {
    const artifact::VersionName& name = manifest.name;
    timestamps.push_back(name.timestamp);
    if (IsMeant(name, text)) found.push_back(name);
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    return Invalid(
        fmt::format("{} is a version of more than one action; say ACTION/{}", text, text));
  }
  for (const artifact::Retirement& one : versions.retired) {
    if (IsMeant(one.manifest.name, text)) return NotFound(Sentence(one));
  }
  const auto nearest = Nearest(text, timestamps);
  return NotFound(fmt::format("{} {} has no version {}{}; busker models lists them", service,
                              service_version, text,
                              nearest ? ", did you mean " + *nearest + "?" : ""));
}

}  // namespace busker::model
