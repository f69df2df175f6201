// The owner of a home, asked in its own process and over its socket, sits one exam.
#include "daemon/owner_conformance.h"
#include "home/home.h"

namespace busker::daemon {
namespace {

std::unique_ptr<Owner> AskDirectly(Daemon& daemon, const home::Home&) {
  return std::make_unique<Requests>(daemon.requests());
}

std::unique_ptr<Owner> AskOverTheSocket(Daemon&, const home::Home& home) {
  return std::make_unique<Client>(home.folder / "socket");
}

INSTANTIATE_TEST_SUITE_P(Requests, OwnerConformance, testing::Values(&AskDirectly));
INSTANTIATE_TEST_SUITE_P(Client, OwnerConformance, testing::Values(&AskOverTheSocket));

}  // namespace
}  // namespace busker::daemon
