// busker secret: what programs need to know and nobody else.
#include <fmt/core.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/secret_prompt.h"
#include "home/home.h"
#include "secret/store.h"

namespace busker::cli {
namespace {

using nlohmann::ordered_json;

struct Secrets {
  home::Home home;
  secret::Store store;
};

Result<Secrets> OpenSecrets(const Common& common) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  return Secrets{place.home, secret::Store(place.home, common.installation->environment)};
}

}  // namespace

Result<int> SetSecret(const Common& common, const SecretOptions& options) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // no core has it
  TRY_ASSIGN(const Secrets secrets, OpenSecrets(common));
  TRY_ASSIGN(std::string value, isatty(STDIN_FILENO) != 0 ? AskTwice(options.name)
                                                          : ReadSecret(secret::kValueBytesMax));
  TRY(home::MakeHome(secrets.home.folder));
  record::Deed deed{common.By(), "secret set", "secret set", options.name};
  const auto set = daemon::Do(LedgerOf(secrets.home), deed, [&] {
    return secrets.store.Set(options.name, value, common.By(), Now());
  });
  secret::Wipe(value);
  TRY(set);
  PrintLine(fmt::format("secret {} is set", options.name));
  return 0;
}

Result<int> ListSecrets(const Common& common) {
  TRY_ASSIGN(const Secrets secrets, OpenSecrets(common));
  TRY_ASSIGN(const std::vector<secret::Entry> entries, secrets.store.List());
  ordered_json list = ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const secret::Entry& entry : entries) {
    const std::string at = FormatRfc3339(entry.set_at);
    list.push_back({{"name", entry.name}, {"set_at", at}, {"set_by", entry.set_by}});
    rows.push_back({entry.name, at, entry.set_by});
  }
  if (common.json) {
    PrintJson(list);
  } else if (rows.empty()) {
    PrintLine("no secret yet; busker secret set NAME sets one");
  } else {
    Print(Table({{"SECRET"}, {"SET"}, {"BY"}}, rows));
  }
  return 0;
}

Result<int> RemoveSecret(const Common& common, const SecretOptions& options) {
  TRY_ASSIGN(const Secrets secrets, OpenSecrets(common));
  std::error_code error;
  if (!io::fs::exists(secrets.home.folder, error)) {
    return NotFound(
        fmt::format("no secret \"{}\"; busker secret list shows those that are set", options.name));
  }
  record::Deed deed{common.By(), "secret remove", "secret removed", options.name};
  TRY(daemon::Do(LedgerOf(secrets.home), deed, [&] { return secrets.store.Remove(options.name); }));
  PrintLine(fmt::format("{} is a secret no more", options.name));
  return 0;
}

}  // namespace busker::cli
