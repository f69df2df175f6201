// What may stand at the cursor of a shell: words of the command line, and names of what there is.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/reference.h"

namespace busker::cli {

struct Candidate {
  std::string word;
  std::string what;  // a line about it; may be empty
  bool operator==(const Candidate&) const = default;
};

struct Completion {
  std::vector<Candidate> candidates;    // that begin as the word at the cursor does
  bool files = false, folders = false;  // of this machine as well, which the shell knows best
};

// Of something that has a name only where Busker is at work: an action, a run, a version.
struct NameWanted {
  std::string verb;                    // "token revoke"
  std::string value;                   // as --help calls it: "RUN|ACTION", "--task"
  std::vector<std::string> arguments;  // that stand before it
  std::string folder, home, target;    // as -C, --home and --target have them; empty: not said
};
using NamesOf = std::function<std::vector<Candidate>(const NameWanted& wanted)>;

// `words`: what stands behind the program's name, up to the cursor; the last one may be empty.
Completion CompletionOf(const VerbText& all, const std::vector<std::string>& words,
                        const NamesOf& names);

// What a shell reads to complete by `busker complete`; nullopt: none of bash, zsh, fish.
std::optional<std::string> CompletionScript(const std::string& shell);

}  // namespace busker::cli
