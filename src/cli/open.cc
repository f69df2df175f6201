// busker open: the dashboard in a browser.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/json.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "io/subprocess.h"

namespace busker::cli {
namespace {

constexpr char kPage[] = "open.html";

// The program that opens a page on this machine's screen; empty: there is none, or nobody sees it.
std::string BrowserOf(const std::vector<std::string>& environment) {
  const auto variable = [&](const char* name) { return io::VariableIn(environment, name); };
  const std::string path = io::SearchPathIn(environment);
  const std::string chosen = variable("BROWSER");
  const std::string first = chosen.substr(0, chosen.find_first_of(": "));
  if (!first.empty()) return io::FindProgram(first, path, "") ? first : "";
  const bool has_screen = !variable("DISPLAY").empty() || !variable("WAYLAND_DISPLAY").empty();
  if (!has_screen || !variable("SSH_CONNECTION").empty()) return "";
  for (const char* const program : {"xdg-open", "sensible-browser", "wslview"}) {
    if (io::FindProgram(program, path, "")) return program;
  }
  return "";
}

// Others can read what a program was called with, and an address that signs in is for its owner
// alone: the browser finds it in a file of theirs.
Result<io::fs::path> WritePage(const home::Home& home, const std::string& link) {
  const io::fs::path path = home.folder / kPage;
  TRY(io::WriteFileAtomically(
      path,
      fmt::format("<!doctype html><title>Busker</title><meta name=\"referrer\" "
                  "content=\"no-referrer\"><meta http-equiv=\"refresh\" content=\"0;url={}\">\n",
                  link),
      0600));
  return path;
}

}  // namespace

Result<int> OpenDashboard(const Common& common, const OpenOptions& options) {
  TRY_ASSIGN(const Place place, OpenPlaceAnyway(common));
  const daemon::Client client = ClientOf(place.home);
  if (!client.SomebodyListens()) {
    return NotFound(fmt::format("busker up is not running here (home {}); start it: busker up",
                                place.home.folder.string()));
  }
  TRY_ASSIGN(const std::string link, client.MakeLink(common.By()));
  const std::string browser = BrowserOf(common.installation->environment);
  if (common.json) {
    PrintJson({{"address", link}});
    return 0;
  }
  if (options.print || browser.empty() || !IsTerminal()) {
    PrintLine(link);
    return 0;
  }
  TRY_ASSIGN(const io::fs::path page, WritePage(place.home, link));
  io::Command command;
  command.arguments = {browser, "file://" + page.string()};
  command.environment = common.installation->environment;
  TRY(io::SpawnDetached(command, "/dev/null"));
  PrintLine(fmt::format(
      "opening the dashboard; if no browser shows it, this address does, once: {}", link));
  return 0;
}

}  // namespace busker::cli
