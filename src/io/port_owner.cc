#include "io/port_owner.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/text.h"
#include "io/file.h"
#include "io/processes.h"

namespace busker::io {
namespace {

constexpr std::uint64_t kTableBytesMax = 16u << 20;
constexpr std::size_t kCommandShownMax = 60;

// "socket:[12345]" of each socket that listens there, by a table of /proc/net.
void AddSockets(const fs::path& table, std::uint16_t port, std::set<std::string>& sockets) {
  const auto text = ReadFile(table, kTableBytesMax);
  if (!text) return;
  constexpr char kListens[] = "0A";
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retries, user, timeouts, inode;
    fields >> number >> local >> remote >> state >> queues >> timer >> retries >> user >>
        timeouts >> inode;
    const std::size_t colon = local.rfind(':');
    if (state != kListens || colon == std::string::npos || inode.empty()) continue;
    std::istringstream digits(local.substr(colon + 1));
    unsigned int at = 0;
    if (digits >> std::hex >> at && at == port) sockets.insert("socket:[" + inode + "]");
  }
}

bool HasOneOf(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  fs::directory_iterator entry(process / "fd", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (sockets.contains(fs::read_symlink(entry->path(), gone).string())) return true;
  }
  return false;
}

std::string Describe(const fs::path& process) {
  std::string command = ReadFile(process / "cmdline", 4096).value_or("");
  std::replace(command.begin(), command.end(), '\0', ' ');
  command = Trim(command);
  if (command.size() > kCommandShownMax) command = command.substr(0, kCommandShownMax) + "...";
  command = Printable(command);  // of a character that was cut, too
  return "process " + process.filename().string() + (command.empty() ? "" : ", " + command);
}

}  // namespace

std::string WhoListens(std::uint16_t port) {
  std::set<std::string> sockets;
  AddSockets("/proc/net/tcp", port, sockets);
  AddSockets("/proc/net/tcp6", port, sockets);
  if (sockets.empty()) return {};
  for (const pid_t process : AllProcesses()) {
    const fs::path folder = "/proc/" + std::to_string(process);
    if (HasOneOf(folder, sockets)) return Describe(folder);
  }
  return "a process of another user";
}

}  // namespace busker::io
