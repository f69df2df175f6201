// An attempt whose runner is on a machine elsewhere: what the executor and that machine tell each
// other, as objects of the artifact store that both can reach. Below _busker/HOME/RUN/TASK.N/,
// where HOME is the id of the home (home/instance.h):
//
//   order.json    executor -> machine: the order in its envelope (Seal in attempt/order.h); there
//                 before the machine is. A machine that finds none does nothing
//   started.json  the start fence: who creates it owns the start of the attempt, and nobody else
//                 ever starts it (RemoteStart)
//   secrets       executor -> machine: the values, for the key in started.json alone
//                 (attempt/sealed_secrets.h)
//   log/NNNNNN    machine -> executor: the next bytes of the log as LogReader hands them; never
//                 changed. All of them in the order of their names are the log
//   exit.json     machine -> executor: how it ended (attempt/exit_record.h). Created last: when it
//                 is there, the attempt is over and the log is whole
//
// All are created, and none is replaced. The executor removes them when it has what they say and
// the machine is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attempt/name.h"
#include "base/result.h"
#include "base/time.h"

namespace busker::attempt {

// All of Busker's own that is in an artifact store and no version of a service.
inline constexpr char kRemoteRoot[] = "_busker";

// Which attempt of all homes.
struct RemoteName {
  std::string home;  // home::Instance::id
  Name attempt;

  std::string Text() const { return home + "/" + attempt.Text(); }  // "HOME/RUN/TASK.NUMBER"
};
std::optional<RemoteName> ParseRemoteName(std::string_view text);

// The keys of its objects.
struct RemoteKeys {
  explicit RemoteKeys(const RemoteName& name);

  std::string prefix;  // without '/' behind
  std::string order, start, secrets, exit;
  std::string log;  // of the parts: without '/' behind
  std::string LogPart(std::uint64_t number) const;
};

// What of the log goes to one object, and how often at the most.
inline constexpr std::uint64_t kLogPartBytesMax = 4 << 20;
inline constexpr Milliseconds kLogPartEach{5'000};
// So long a machine waits for the secrets of its attempt, from its start fence on.
inline constexpr Milliseconds kSecretsWithin{300'000};
// And so long it takes at the most to fetch the image.
inline constexpr Milliseconds kPullWithin{1'800'000};

// The time limit of an attempt there that says none; and how long a machine lives at the most,
// whatever happens: the attempt's time, the image's, and ten minutes for all else.
inline constexpr Milliseconds kTimeoutUnlessSaid = std::chrono::hours(24);
Milliseconds MachineLifeMax(std::optional<Milliseconds> timeout);

// What a machine is told of its attempt: attributes of its metadata, none of them a secret.
inline constexpr char kStoreAttribute[] = "busker-store";             // the artifact store's URL
inline constexpr char kAttemptAttribute[] = "busker-attempt";         // RemoteName::Text
inline constexpr char kOrderAttribute[] = "busker-order-sha256";      // of order.json
inline constexpr char kImageAttribute[] = "busker-image";             // by digest where it is known
inline constexpr char kKeepAttribute[] = "busker-keep-on-failure-s";  // "0": it is deleted at once
inline constexpr char kTimeoutAttribute[] = "busker-timeout-s";       // the machine's own limit

// Who owns the start of an attempt: that machine in that boot, or Busker, which had given it up.
struct RemoteStart {
  static constexpr char kByMachine[] = "vm", kByBusker[] = "busker";

  std::string by;        // one of these
  std::string vm_id;     // of the cloud, in digits; what follows is empty where `by` is Busker
  std::string boot;      // of that machine: another text after each boot
  std::string zone, vm;  // where it is, and its name
  std::string order_sha256;
  std::string public_key;  // for the secrets (SecretsKey::public_key); empty: there are none
  Instant started_at{};
};
std::string StartToJson(const RemoteStart& start);
Result<RemoteStart> StartFromJson(const std::string& text);

}  // namespace busker::attempt
