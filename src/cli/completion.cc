#include "cli/completion.h"

#include <algorithm>

#include "base/text.h"

namespace busker::cli {
namespace {

const OptionText* OptionNamed(const VerbText& verb, const std::string& name) {
  for (const OptionText& option : verb.options) {
    const auto& names = option.names;
    if (std::find(names.begin(), names.end(), name) != names.end()) return &option;
  }
  return nullptr;
}

// What was typed before the cursor.
struct Typed {
  const VerbText* verb;                // as far as it was typed
  const OptionText* option = nullptr;  // whose value stands at the cursor
  NameWanted wanted;
};

void TakeValue(Typed& typed, const std::string& option, const std::string& value) {
  if (option == "-C") typed.wanted.folder = value;
  if (option == "--home") typed.wanted.home = value;
  if (option == "--target") typed.wanted.target = value;
}

// Options of all verbs may come before the verb: they are those of any.
const OptionText* Find(const VerbText& all, const VerbText& verb, const std::string& name) {
  if (const OptionText* const own = OptionNamed(verb, name)) return own;
  if (&verb != &all) return nullptr;
  for (const VerbText& below : all.verbs) {
    const OptionText* const option = OptionNamed(below, name);
    if (option != nullptr && option->common) return option;
  }
  return nullptr;
}

Typed Read(const VerbText& all, const std::vector<std::string>& words) {
  Typed typed{&all, nullptr, {}};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.starts_with('-') && word.size() > 1) {
      const std::size_t equals = word.find('=');
      const std::string name = word.substr(0, equals);
      const OptionText* const option = Find(all, *typed.verb, name);
      if (option == nullptr || option->value.empty()) continue;
      if (equals != std::string::npos) {
        TakeValue(typed, name, word.substr(equals + 1));
      } else if (i + 2 == words.size()) {
        typed.option = option;
      } else {
        TakeValue(typed, name, words[++i]);
      }
      continue;
    }
    const auto below = std::find_if(typed.verb->verbs.begin(), typed.verb->verbs.end(),
                                    [&](const VerbText& verb) { return verb.word() == word; });
    if (below != typed.verb->verbs.end()) {
      typed.verb = &*below;
    } else {
      typed.wanted.arguments.push_back(word);
    }
  }
  return typed;
}

bool IsChoice(const std::string& value) {
  return value.find('|') != std::string::npos &&
         std::none_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

class Collector {
 public:
  Collector(std::string begun, std::string prefix)
      : begun_(std::move(begun)), prefix_(std::move(prefix)) {}

  void Add(const std::string& word, const std::string& what) {
    if (word.starts_with(begun_)) completion.candidates.push_back({prefix_ + word, what});
  }

  // What may stand for `value`, which --help calls an option's or an argument's so.
  void AddValues(const std::string& value, NameWanted wanted, const NamesOf& names) {
    completion.folders = value == "DIR" || value == "HOME";
    completion.files = value == "FILE" || value == "[VERSION] FILE";
    if (IsChoice(value)) {
      for (const std::string& choice : Split(value, '|')) Add(choice, "");
      return;
    }
    wanted.value = value;
    for (const Candidate& name : names(wanted)) Add(name.word, name.what);
  }

  Completion completion;

 private:
  const std::string begun_, prefix_;
};

Completion ValuesOf(const OptionText& option, const std::string& begun, const std::string& prefix,
                    const NameWanted& wanted, const NamesOf& names) {
  Collector collector(begun, prefix);
  collector.AddValues(option.value, wanted, names);
  return std::move(collector.completion);
}

// "busker help" is followed by verbs.
const VerbText* Helped(const VerbText& all, const Typed& typed) {
  if (typed.verb->name != all.name + " help") return nullptr;
  const VerbText* verb = &all;
  for (const std::string& word : typed.wanted.arguments) {
    const auto below = std::find_if(verb->verbs.begin(), verb->verbs.end(),
                                    [&](const VerbText& each) { return each.word() == word; });
    if (below == verb->verbs.end()) return nullptr;
    verb = &*below;
  }
  return verb;
}

}  // namespace

Completion CompletionOf(const VerbText& all, const std::vector<std::string>& words,
                        const NamesOf& names) {
  const std::string last = words.empty() ? "" : words.back();
  Typed typed = Read(all, words);
  const VerbText& verb = *typed.verb;
  typed.wanted.verb = verb.name.substr(std::min(verb.name.size(), all.name.size() + 1));
  if (typed.option != nullptr) {
    return ValuesOf(*typed.option, last, "", typed.wanted, names);
  }
  if (const std::size_t equals = last.find('=');
      last.starts_with("--") && equals != std::string::npos) {
    const OptionText* const option = Find(all, verb, last.substr(0, equals));
    if (option == nullptr) return {};
    return ValuesOf(*option, last.substr(equals + 1), last.substr(0, equals + 1), typed.wanted,
                    names);
  }
  Collector collector(last, "");
  if (last.starts_with('-')) {
    for (const OptionText& option : verb.options) {
      if (!option.names.empty()) collector.Add(option.names.back(), option.what);
    }
    return std::move(collector.completion);
  }
  const VerbText* const helped = Helped(all, typed);
  for (const VerbText& below : (helped != nullptr ? *helped : verb).verbs) {
    collector.Add(below.word(), below.summary());
  }
  if (helped != nullptr || verb.arguments.empty()) return std::move(collector.completion);
  const std::size_t before = typed.wanted.arguments.size();
  const OptionText& at = verb.arguments[std::min(before, verb.arguments.size() - 1)];
  if (before < verb.arguments.size() || at.many) {
    collector.AddValues(at.value, typed.wanted, names);
  }
  return std::move(collector.completion);
}

}  // namespace busker::cli
