#include "catalogue/catalogue.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace busker::catalogue {

std::string Definition::FilesHaveChanged() const {
  if (!service) return file->path + " has changed";
  const std::string own = service->root + "/busker.toml";
  if (Action().config.empty()) return own + " has changed";
  return fmt::format("{} or {} has changed", own, Action().config);
}

// It could be read when it was found, so it can be again.
service::Notify Definition::Notify() const {
  if (service) return service->notify;
  const auto read = service::LoadGraphFile(*file);
  return read ? read->notify : service::Notify();
}

bool Fault::Concerns(const plan::GraphKey& key) const {
  if (of.empty()) return false;
  return of.name.empty() ? of.service == key.service : of == key;
}

const Fault* Catalogue::FaultOf(const plan::GraphKey& key) const {
  const auto found = std::find_if(faults.begin(), faults.end(),
                                  [&](const Fault& fault) { return fault.Concerns(key); });
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
  const auto is_own = [&](const auto& entry) {
    return !key.service.empty() && entry.first.service == key.service;
  };
  const bool has_service = std::any_of(definitions.begin(), definitions.end(), is_own);
  // Of a service some of which is active, the fault is not why there is no such action.
  if (const Fault* const fault = FaultOf(key); fault != nullptr && !has_service) {
    return NotFound(fmt::format("no action or graph \"{}\": its definition is at fault: {}: {}",
                                key, fault->file, fault->message));
  }
  // As short as they can be told apart, and as whoever asks has them: those of the service that is
  // asked for, if there is one of that name, first.
  std::map<std::string, int> times;
  for (const auto& [other, _] : definitions) ++times[other.name];
  const std::string asked = has_service ? key.name : key.Text();
  std::vector<std::string> names;
  for (const auto& entry : definitions) {
    const plan::GraphKey& other = entry.first;
    const bool own = is_own(entry);
    const bool is_short = own || (times[other.name] == 1 && (has_service || key.service.empty()));
    names.insert(own ? names.begin() : names.end(), is_short ? other.name : other.Text());
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
    // The plan's graph is the definition's, which stays while either has it.
    events.push_back(
        plan::GraphDefined(std::shared_ptr<const plan::Graph>(definition, &definition->graph)));
  }
  return events;
}

}  // namespace busker::catalogue
