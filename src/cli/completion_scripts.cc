// What shells read to complete: they ask busker itself, so that the names are those of this moment
// and the words those of the program that is installed.
//
// "busker complete -- WORDS" prints a line for each candidate, "WORD\tWHAT"; ":files" and
// ":folders" stand for what the shell finds itself.
#include "cli/completion.h"

namespace busker::cli {
namespace {

// bash takes a word apart at "=", and wants the part behind it.
constexpr char kBash[] = R"sh(# Completion of busker for bash: . <(busker completion bash)

_busker() {
  local words=() i word what current
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((i > 1)) && [[ $word == = || ${COMP_WORDS[i - 1]} == = ]]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
  done
  current=${COMP_WORDS[COMP_CWORD]}
  [[ $current == = ]] && current=
  COMPREPLY=()
  while IFS=$'\t' read -r word what; do
    case $word in
      :files) compopt -o filenames 2>/dev/null; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
      :folders) compopt -o filenames 2>/dev/null; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
      *)
        [[ ${words[-1]} == --*=* ]] && word=${word#*=}
        COMPREPLY+=("$(printf %q "$word")")
        ;;
    esac
  done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
}
complete -F _busker busker
)sh";

constexpr char kZsh[] = R"sh(#compdef busker
# Completion of busker for zsh: in a folder of $fpath as _busker, or . <(busker completion zsh)

_busker() {
  local line word what
  local -a candidates
  local -i found=1
  for line in "${(@f)$(_call_program busker ${(q)words[1]} complete -- "${(@qq)words[2,CURRENT-1]}" "${(qq)PREFIX}" 2>/dev/null)}"; do
    word=${line%%$'\t'*}
    what=${line#*$'\t'}
    case $word in
      '') ;;
      :files) _files && found=0 ;;
      :folders) _files -/ && found=0 ;;
      *) candidates+=("${word//:/\\:}${what:+:$what}") ;;
    esac
  done
  (($#candidates)) && _describe -V busker candidates && found=0
  return found
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _busker "$@"
else
  compdef _busker busker
fi
)sh";

constexpr char kFish[] = R"sh(# Completion of busker for fish: busker completion fish | source

function __busker_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files*'
                __fish_complete_path "$current"
            case ':folders*'
                __fish_complete_directories "$current" folder
            case '*'
                echo $line
        end
    end
end
complete -c busker -f -k -a '(__busker_complete)'
)sh";

}  // namespace

std::optional<std::string> CompletionScript(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return std::nullopt;
}

}  // namespace busker::cli
