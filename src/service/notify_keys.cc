// The keys of [notify], in busker.toml and in the daemon's daemon.toml.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "service/keys.h"

namespace busker::service {
namespace {

constexpr std::string_view kTextSchema = R"({"type":"string","minLength":1})";
constexpr std::string_view kTextsSchema =
    R"({"type":["string","array"],"items":{"type":"string","minLength":1}})";

void ReadWebhook(Reader& reader, const Member& member, NotifyDraft& draft) {
  if (auto url = reader.Url(member, {"https", "http"})) draft.notify.webhook = std::move(*url);
}

void ReadSecretFile(Reader& reader, const Member& member, NotifyDraft& draft) {
  if (auto path = reader.Path(member, draft.folder)) {
    draft.notify.webhook_secret_file = std::move(*path);
  }
}

void ReadCommand(Reader& reader, const Member& member, NotifyDraft& draft) {
  if (member.value.kind != Node::Kind::kArray) {
    if (auto words = reader.Command(member)) draft.notify.command = std::move(*words);
    return;
  }
  std::vector<std::string> words;
  for (const Node& item : member.value.items) {
    auto word = reader.String(item, "a word of \"command\"");
    if (!word) return;
    words.push_back(std::move(*word));
  }
  if (words.empty() || words.front().empty()) {
    reader.Fault(member.value.at, "\"command\" in [notify] names no program");
    return;
  }
  draft.notify.command = std::move(words);
}

void ReadEmail(Reader& reader, const Member& member, NotifyDraft& draft) {
  auto emails = reader.Emails(member);
  if (emails) draft.notify.emails = std::move(*emails);
}

void ReadOn(Reader& reader, const Member& member, NotifyDraft& draft) {
  const std::vector<std::string> all = Notify{}.on;
  const auto names = reader.Strings(member, "an event");
  if (!names) return;
  if (names->empty()) {
    reader.Fault(member.value.at, "\"on\" in [notify] names nothing; leave [notify] out");
    return;
  }
  for (const auto& name : *names) {
    if (std::find(all.begin(), all.end(), name) != all.end()) continue;
    reader.UnknownValue(member, name, all);
    return;
  }
  draft.notify.on = *names;
}

constexpr std::array<Key<NotifyDraft>, 5> kNotify = {{
    {{"webhook", R"("https://example.com/hook")",
      "The address that gets a POST with what happened.",
      R"({"type":"string","pattern":"^https?://"})"},
     ReadWebhook},
    {{"webhook_secret_file", R"("secrets/webhook")",
      "A file with the secret that the POST is signed with; relative to the folder of this file.",
      kTextSchema},
     ReadSecretFile},
    {{"command", R"("notify-send busker")",
      "A command that is run without a shell, with what happened on its standard input.",
      kTextsSchema},
     ReadCommand},
    {{"email", R"("ops@example.com")", "An address, or several; the daemon needs [smtp].",
      kTextsSchema},
     ReadEmail},
    {{"on", R"(["failed", "late"])",
      "Of \"failed\", \"recovered\", \"late\", \"never-started\", \"left-behind\", \"behind\" and "
      "\"approval\"; all unless given.",
      R"({"type":["string","array"],"items":{"enum":["failed","recovered","late",)"
      R"("never-started","left-behind","behind","approval"]}})"},
     ReadOn},
}};

}  // namespace

std::span<const Key<NotifyDraft>> NotifyKeys() { return kNotify; }

void ReadNotify(Reader& reader, const Member& member, const std::string& folder, Notify& notify) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  NotifyDraft draft;
  draft.folder = folder;
  Reader keys(reader.faults(), "[notify]");
  keys.ReadTable(*table, NotifyKeys(), draft);
  const auto says = [&](std::string_view key) { return table->Find(key) != nullptr; };
  const bool all_known =
      std::all_of(table->members.begin(), table->members.end(), [](const Member& said) {
        return std::any_of(kNotify.begin(), kNotify.end(),
                           [&](const auto& key) { return key.info.name == said.name; });
      });
  if (!all_known) {
    // One of them is a slip, and may be what is missing.
  } else if (!says("webhook") && !says("command") && !says("email")) {
    reader.Fault(member.at,
                 "[notify] tells nobody; it needs \"webhook\", \"command\" or \"email\"");
  } else if (says("webhook_secret_file") && !says("webhook")) {
    reader.Fault(table->Find("webhook_secret_file")->at,
                 "\"webhook_secret_file\" means nothing without a \"webhook\"");
  }
  notify = std::move(draft.notify);
}

}  // namespace busker::service
