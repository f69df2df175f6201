#include "io/host_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/text.h"
#include "io/refused_address.h"

namespace busker::io {
namespace {

constexpr auto kNextAddress = std::chrono::milliseconds(250);
constexpr int kLookupsMax = 64;

struct Found {
  int fault = 0;  // of getaddrinfo(3)
  int system_error = 0;
  std::vector<HostAddress> addresses;
};

Found Ask(const std::string& host, std::uint16_t port, int flags) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  Found found;
  found.fault = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &list);
  found.system_error = errno;
  if (found.fault != 0) return found;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    HostAddress address;
    if (one->ai_addrlen > sizeof address.storage) continue;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size_bytes = one->ai_addrlen;
    found.addresses.push_back(address);
  }
  freeaddrinfo(list);
  return found;
}

// A question to name servers, on a thread of its own: the C library answers it when it answers, and
// can be neither stopped nor given a limit. A caller that goes leaves the thread to end by itself.
struct Lookup {
  std::string host;
  std::uint16_t port = 0;
  Descriptor ready{eventfd(0, EFD_CLOEXEC)};
  std::mutex mutex;  // over what follows
  bool done = false;
  Found found;

  void Run() {
    Found result = Ask(host, port, AI_ADDRCONFIG);
    {
      const std::lock_guard lock(mutex);
      found = std::move(result);
      done = true;
    }
    constexpr std::uint64_t kOne = 1;
    if (write(ready.get(), &kOne, sizeof kOne) < 0) return;  // the caller has its deadline
  }
};

// Signals are for the threads that expect them.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

Result<void> Begin(const std::shared_ptr<Lookup>& lookup) {
  // Of the process, as its threads are: a name server that hangs does not use them up.
  static std::atomic<int> running = 0;
  if (!lookup->ready.valid()) return SystemError("look up " + lookup->host, errno);
  if (running.fetch_add(1) >= kLookupsMax) {
    --running;
    return Temporary("too many names are being looked up: the name servers do not answer");
  }
  const NoSignals no_signals;
  try {
    std::thread([lookup] {
      lookup->Run();
      --running;
    }).detach();
  } catch (const std::system_error&) {
    --running;
    return Temporary("no thread could be started to look up " + lookup->host);
  }
  return {};
}

Result<Found> LookUp(const std::string& host, std::uint16_t port, Waiter& waiter) {
  auto lookup = std::make_shared<Lookup>();
  lookup->host = host;
  lookup->port = port;
  TRY(Begin(lookup));
  for (;;) {
    pollfd ready{lookup->ready.get(), POLLIN, 0};
    if (auto waited = waiter.Wait({&ready, 1}); !waited) {
      return Wrap("looking up the host", std::move(waited).error());
    }
    const std::lock_guard lock(lookup->mutex);
    if (lookup->done) return std::move(lookup->found);
  }
}

bool IsMetadata(const sockaddr* address) {
  if (address->sa_family != AF_INET) return false;
  sockaddr_in v4{};
  std::memcpy(&v4, address, sizeof v4);
  return ntohl(v4.sin_addr.s_addr) == 0xA9FEA9FE;  // 169.254.169.254
}

bool IsInReach(const sockaddr* address, Reach reach) {
  switch (reach) {
    case Reach::kAll:
      return !IsRefusedAddress(address);
    case Reach::kWithMetadata:
      return !IsRefusedAddress(address) || IsMetadata(address);
    case Reach::kLoopback:
      return IsLoopbackAddress(address);
  }
  return false;
}

// By turns of the two families, beginning with what the system puts first.
std::vector<HostAddress> ByTurns(const std::vector<HostAddress>& addresses) {
  std::vector<HostAddress> first, second;
  for (const HostAddress& address : addresses) {
    const bool same = address.get()->sa_family == addresses.front().get()->sa_family;
    (same ? first : second).push_back(address);
  }
  std::vector<HostAddress> all;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < second.size()) all.push_back(second[i]);
  }
  return all;
}

// 0, or what the system said; EINPROGRESS when it is still to be seen.
int BeginConnecting(const HostAddress& address, Descriptor& made) {
  made =
      Descriptor(socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.valid()) return errno;
  const int on = 1;  // what is written is whole
  setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(made.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return connect(made.get(), address.get(), address.size_bytes) == 0 ? 0 : errno;
}

int FaultOf(int descriptor) {
  int fault = 0;
  socklen_t size = sizeof fault;
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &fault, &size);
  return fault;
}

}  // namespace

Result<std::vector<HostAddress>> FindHost(const std::string& host, std::uint16_t port, Reach reach,
                                          Waiter& waiter) {
  Found found = Ask(host, port, AI_NUMERICHOST);
  if (found.fault != 0) {
    TRY_ASSIGN(found, LookUp(host, port, waiter));
  }
  if (found.fault == EAI_SYSTEM) return SystemError("look up the host", found.system_error);
  if (found.fault != 0)
    return Temporary(std::string("look up the host: ") + gai_strerror(found.fault));
  if (found.addresses.empty()) return Temporary("look up the host: it has no address");
  const std::string first = FormatAddress(found.addresses.front().get());
  std::erase_if(found.addresses,
                [&](const HostAddress& one) { return !IsInReach(one.get(), reach); });
  if (!found.addresses.empty()) return ByTurns(found.addresses);
  if (reach == Reach::kLoopback) return Invalid("it is " + first + ", which is not this machine");
  return Invalid("it is " + first + ", a link-local or metadata address, to which nothing is sent");
}

Result<Descriptor> ConnectToHost(const std::vector<HostAddress>& addresses, Waiter& waiter) {
  std::vector<Descriptor> begun;
  std::size_t next = 0;
  SteadyInstant next_begins = std::chrono::steady_clock::now();
  int fault = 0;
  while (next < addresses.size() || !begun.empty()) {
    const SteadyInstant now = std::chrono::steady_clock::now();
    if (next < addresses.size() && (begun.empty() || now >= next_begins)) {
      Descriptor made;
      const int said = BeginConnecting(addresses[next++], made);
      if (said == 0) return made;
      if (said == EINPROGRESS) begun.push_back(std::move(made));
      if (said != EINPROGRESS) fault = said;
      next_begins = now + kNextAddress;
      continue;
    }
    std::vector<pollfd> fds;
    for (const Descriptor& one : begun) fds.push_back({one.get(), POLLOUT, 0});
    TRY(waiter.Wait(fds, next < addresses.size() ? next_begins : SteadyInstant::max()));
    for (std::size_t i = fds.size(); i-- > 0;) {
      if (fds[i].revents == 0) continue;
      const int said = FaultOf(begun[i].get());
      if (said == 0) return std::move(begun[i]);
      fault = said;
      begun.erase(begun.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return Temporary(std::string("connect: ") + std::strerror(fault));
}

Result<Descriptor> ConnectToUnixSocket(const fs::path& path, Waiter& waiter) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() >= sizeof address.sun_path) {
    return Invalid("the path of a socket has at most 107 bytes: " + Printable(text));
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  Descriptor made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.valid()) return SystemError("connect to " + text, errno);
  // EAGAIN: as many wait to be accepted as the service lets. Nothing tells when there is room.
  constexpr auto kPause = std::chrono::milliseconds(20);
  while (connect(made.get(), generic, sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return Temporary("connect to " + text + ": " + std::strerror(errno) +
                       "; is the service running?");
    }
    if (errno != EAGAIN && errno != EINTR) return SystemError("connect to " + text, errno);
    TRY(waiter.Wait({}, std::chrono::steady_clock::now() + kPause));
  }
  return made;
}

}  // namespace busker::io
