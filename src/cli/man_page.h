// Pages for man, of the same words as --help.
#pragma once

#include <string>

#include "cli/reference.h"

namespace busker::cli {

// In the language of man(7). `verb` is busker itself or one of its verbs; verbs below that are on
// the same page.
std::string ManPageOf(const VerbText& verb, const std::string& version);

// "busker-token.1".
std::string ManPageFile(const VerbText& verb);

}  // namespace busker::cli
