// busker-runner fetch URL FILE [--sha256 DIGEST] [--limit DURATION]: a file from a server, in a
// container that has nothing else to fetch it with.
#pragma once

#include <string>
#include <vector>

namespace busker::runner {

// Carries out the command line behind "fetch"; says what was fetched as sha256sum(1) does, or what
// is wrong. Returns the exit code. Ends early at SIGTERM, SIGINT and SIGHUP, and leaves nothing
// behind.
int FetchCommand(const std::vector<std::string>& arguments);

}  // namespace busker::runner
