// The names that shells complete: of actions, runs, versions and what else is here.
#pragma once

#include "cli/completion.h"
#include "cli/verbs.h"

namespace busker::cli {

// Reads what there is and makes nothing; what cannot be read has no names.
std::vector<Candidate> NamesHere(const Installation& installation, const NameWanted& wanted);

}  // namespace busker::cli
