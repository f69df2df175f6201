#include "catalogue/catalogue.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace busker::catalogue {
namespace {

// Of "shop/training": "training".
std::string ShortName(const plan::GraphKey& key) { return key.substr(key.find('/') + 1); }

}  // namespace

std::string Definition::FilesHaveChanged() const {
  if (!service) return file->path + " has changed";
  const std::string own = service->root + "/busker.toml";
  if (Action().config.empty()) return own + " has changed";
  return fmt::format("{} or {} has changed", own, Action().config);
}

const Fault* Catalogue::FaultOf(const plan::GraphKey& key) const {
  const auto found = std::find_if(faults.begin(), faults.end(), [&](const Fault& fault) {
    return fault.of.ends_with('/') ? key.starts_with(fault.of) : fault.of == key;
  });
  return found == faults.end() ? nullptr : &*found;
}

std::string Catalogue::WhyMissing(const plan::GraphKey& key) const {
  if (const Fault* fault = FaultOf(key)) {
    return fmt::format("its definition is at fault: {}: {}; it runs when that is mended",
                       fault->file, fault->message);
  }
  std::string why = "no file defines it any more; it runs when one does again";
  const auto unclear = std::find_if(faults.begin(), faults.end(),
                                    [](const Fault& fault) { return fault.of.empty(); });
  if (unclear != faults.end()) why += fmt::format(" ({}: {})", unclear->file, unclear->message);
  return why;
}

Result<std::shared_ptr<const Definition>> Catalogue::Find(const plan::GraphKey& key) const {
  const auto found = definitions.find(key);
  if (found != definitions.end()) return found->second;
  // Of a service some of which is active, the fault is not why there is no such action.
  const Fault* const fault = FaultOf(key);
  const auto active = fault == nullptr ? definitions.end() : definitions.lower_bound(fault->of);
  if (fault != nullptr && (active == definitions.end() || !active->first.starts_with(fault->of))) {
    return NotFound(fmt::format("no action or graph \"{}\": its definition is at fault: {}: {}",
                                key, fault->file, fault->message));
  }
  // As short as they can be told apart, and as whoever asks has them: those of the service that is
  // asked for, if there is one of that name, first.
  const std::string service = key.substr(0, key.find('/') + 1);
  std::map<std::string, int> times;
  bool has_service = false;
  for (const auto& [name, _] : definitions) {
    ++times[ShortName(name)];
    has_service = has_service || (!service.empty() && name.starts_with(service));
  }
  const std::string asked = has_service ? ShortName(key) : key;
  std::vector<std::string> names;
  for (const auto& [name, _] : definitions) {
    const bool own = has_service && name.starts_with(service);
    const bool is_short = own || (times[ShortName(name)] == 1 && (has_service || service.empty()));
    names.insert(own ? names.begin() : names.end(), is_short ? ShortName(name) : name);
  }
  const auto nearest = Nearest(asked, names);
  if (names.size() > 10) names.resize(10);
  return NotFound(fmt::format("no action or graph \"{}\"{}", asked,
                              nearest         ? fmt::format("; did you mean \"{}\"?", *nearest)
                              : names.empty() ? ""
                                              : fmt::format("; there are {}", Join(names, ", "))));
}

std::vector<plan::Event> Changes(const Catalogue& before, const Catalogue& after) {
  std::vector<plan::Event> events;
  for (const auto& [key, definition] : before.definitions) {
    if (after.definitions.contains(key)) continue;
    events.push_back(plan::GraphRemoved{key, after.WhyMissing(key)});
  }
  for (const auto& [key, definition] : after.definitions) {
    const auto old = before.definitions.find(key);
    if (old != before.definitions.end() && old->second == definition) continue;
    events.push_back(plan::GraphDefined{definition->graph});
  }
  return events;
}

}  // namespace busker::catalogue
