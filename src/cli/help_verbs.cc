// Verbs that tell of the others: on the terminal, as pages for man, and to shells.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/text.h"
#include "cli/completion.h"
#include "cli/completion_names.h"
#include "cli/described_verbs.h"
#include "cli/man_page.h"
#include "cli/print.h"
#include "io/file.h"

namespace busker::cli {
namespace {

struct HelpOptions {
  std::vector<std::string> words;
  bool man = false;
};

// Without --man, the command line takes it for --help of that verb.
Result<int> PrintManPage(const VerbText& all, const HelpOptions& options,
                         const std::string& version) {
  const VerbText* verb = &all;
  if (!options.words.empty()) {
    const auto found = std::find_if(all.verbs.begin(), all.verbs.end(), [&](const VerbText& each) {
      return each.word() == options.words.front();
    });
    if (found == all.verbs.end()) {
      return Invalid(
          fmt::format("unknown command \"{}\"; see busker --help", options.words.front()));
    }
    verb = &*found;
  }
  Print(ManPageOf(*verb, version));
  return 0;
}

// The folders below share/ that man and shells look in.
Result<int> WritePages(const VerbText& all, const io::fs::path& folder,
                       const std::string& version) {
  TRY(io::MakeFolders(folder / "man/man1"));
  const auto write_page = [&](const VerbText& verb) {
    return io::WriteFileAtomically(folder / "man/man1" / ManPageFile(verb),
                                   ManPageOf(verb, version));
  };
  TRY(write_page(all));
  for (const VerbText& verb : all.verbs) TRY(write_page(verb));
  for (const auto& [shell, path] : {std::pair{"bash", "bash-completion/completions/busker"},
                                    std::pair{"zsh", "zsh/site-functions/_busker"},
                                    std::pair{"fish", "fish/vendor_completions.d/busker.fish"}}) {
    TRY(io::MakeFolders((folder / path).parent_path()));
    TRY(io::WriteFileAtomically(folder / path, *CompletionScript(shell)));
  }
  return 0;
}

// A line for each candidate: completion_scripts.cc reads them.
Result<int> PrintCompletion(const VerbText& all, const std::vector<std::string>& words,
                            const Installation& installation) {
  const Completion completion = CompletionOf(
      all, words, [&](const NameWanted& wanted) { return NamesHere(installation, wanted); });
  std::string lines;
  if (completion.files) lines += ":files\n";
  if (completion.folders) lines += ":folders\n";
  for (const Candidate& candidate : completion.candidates) {
    lines += candidate.word + (candidate.what.empty() ? "" : "\t" + candidate.what) + "\n";
  }
  Print(lines);
  return 0;
}

void AddHidden(VerbList& verbs) {
  const Installation& installation = *verbs.common().installation;
  auto& words = verbs.Keep<std::vector<std::string>>();
  CLI::App* complete =
      verbs.AddHidden("complete", "Print what may stand at the cursor of a shell.",
                      [&verbs, &words, &installation] {
                        return PrintCompletion(TextOf(verbs.app()), words, installation);
                      });
  complete->add_option("WORDS", words, "behind busker, up to the cursor");
  auto& folder = verbs.Keep<std::string>();
  CLI::App* pages = verbs.AddHidden(
      "pages", "Write what an installation has in share/: pages for man, completion for shells.",
      [&verbs, &folder, &installation] {
        return WritePages(TextOf(verbs.app()), folder, installation.version);
      });
  pages->add_option("DIR", folder)->required();
}

}  // namespace

void AddHelpVerbs(VerbList& verbs) {
  const Installation& installation = *verbs.common().installation;
  auto& help = verbs.Keep<HelpOptions>();
  CLI::App* verb =
      verbs.AddPlain("help", "Tell what a verb does, with examples; as busker VERB --help.",
                     "  busker help run\n"
                     "  busker help --man run | man -l -    as a page of the manual\n",
                     [&verbs, &help, &installation] {
                       return PrintManPage(TextOf(verbs.app()), help, installation.version);
                     });
  verb->add_option("VERB", help.words, "the verb; without one, all of them");
  verb->add_flag("--man", help.man, "print it for man");

  auto& shell = verbs.Keep<std::string>();
  verb = verbs.AddPlain(
      "completion",
      "Print what a shell needs to complete verbs, options, actions, runs and "
      "versions.",
      "  . <(busker completion bash)          for this shell; in ~/.bashrc for "
      "each\n"
      "  . <(busker completion zsh)           in ~/.zshrc, behind compinit\n"
      "  busker completion fish | source\n",
      [&shell]() -> Result<int> {
        const auto script = CompletionScript(shell);
        if (!script) {
          return Invalid(fmt::format("no completion for \"{}\"; choose bash, zsh or fish", shell));
        }
        Print(*script);
        return 0;
      });
  verb->add_option("bash|zsh|fish", shell, "the shell")->required();
  AddHidden(verbs);
}

}  // namespace busker::cli
