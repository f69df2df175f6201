#include "daemon/client.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/messages.h"
#include "dispatch/home.h"

namespace busker::daemon {
namespace {

constexpr Milliseconds kSendLimit = std::chrono::seconds(10);
constexpr Milliseconds kAnswerLimit = std::chrono::seconds(90);
constexpr Milliseconds kLookLimit = std::chrono::seconds(5);  // of what only looks
constexpr Milliseconds kSilence{300};               // after which who follows may be told why
constexpr std::size_t kAnswerBytesMax = 64u << 20;  // the status of 100,000 graphs

tl::unexpected<Error> OwnerHasEnded() {
  return Temporary("the busker that owns the home has ended; what it ran goes on");
}

Result<Json> Receive(LineChannel& channel, std::optional<Milliseconds> limit) {
  TRY_ASSIGN(const auto line, channel.Receive(limit, kAnswerBytesMax));
  if (!line) return OwnerHasEnded();
  TRY_ASSIGN(Json answer, ParseMessage(*line));
  if (auto error = ErrorIn(answer)) return tl::unexpected(std::move(*error));
  return answer;
}

struct Asked {
  LineChannel channel;
  Json answer;
};

Result<Asked> Ask(const io::fs::path& socket, const Json& request) {
  auto connected = LineChannel::Connect(socket);
  // Somebody listened a moment ago.
  if (!connected && connected.error().kind == ErrorKind::kNotFound) {
    return Temporary(dispatch::kIsEnding);
  }
  TRY_ASSIGN(LineChannel channel, std::move(connected));
  TRY(channel.Send(TextOf(request), kSendLimit));
  const std::string verb = TextOf(request, "verb");
  const bool looks = verb == "status" || verb == "explain";
  const Milliseconds limit = looks ? kLookLimit : kAnswerLimit;
  auto answer = Receive(channel, limit);
  if (!answer && answer.error().kind == ErrorKind::kTimedOut) {
    return TimedOut(fmt::format(
        "{} and has not answered within {}; it is busy, or was stopped (kill -CONT lets it go on)",
        dispatch::OwnerOf({socket.parent_path()}), FormatDuration(limit)));
  }
  TRY(answer);
  return Asked{std::move(channel), *std::move(answer)};
}

Result<void> Do(const io::fs::path& socket, const Json& request) {
  TRY(Ask(socket, request));
  return {};
}

// Until the run has ended, `told` says false, or the limit has passed.
Result<void> Listen(LineChannel& channel, std::optional<Milliseconds> limit,
                    const Client::Told& told, std::function<void()> silent = {}) {
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    std::optional<Milliseconds> left;
    if (limit) {
      left = *limit -
             std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begun);
      if (left->count() <= 0) return TimedOut("the run has not ended within the limit");
    }
    const bool listens = silent && (!left || *left > kSilence);
    auto received = Receive(channel, listens ? kSilence : left);
    if (listens) {
      const auto told_why = std::exchange(silent, {});
      if (!received && received.error().kind == ErrorKind::kTimedOut) {
        told_why();
        continue;
      }
    }
    TRY_ASSIGN(const Json message, std::move(received));
    const auto decision = DecisionFrom(message);
    if (!decision) continue;
    if (!told(*decision)) return {};
    const auto* run = std::get_if<plan::RunChanged>(&*decision);
    if (run != nullptr && IsFinal(run->to)) return {};
  }
}

}  // namespace

bool WasEnding(const Error& error) {
  return error.kind == ErrorKind::kTemporary && error.message == dispatch::kIsEnding;
}

bool Client::SomebodyListens() const { return LineChannel::Connect(socket_).has_value(); }

Result<std::string> Client::Start(const StartRequest& request) const {
  TRY_ASSIGN(const Asked asked, daemon::Ask(socket_, ToJson(request)));
  return TextOf(asked.answer, "run");
}

Result<std::string> Client::StartAndFollow(
    const StartRequest& request, const std::function<void(const std::string& run)>& started,
    const Told& told, const std::function<void()>& silent) const {
  Json message = ToJson(request);
  message["follow"] = true;
  TRY_ASSIGN(Asked asked, daemon::Ask(socket_, message));
  const std::string run = TextOf(asked.answer, "run");
  started(run);
  if (FlagOf(asked.answer, "ended")) return run;
  TRY(Listen(asked.channel, std::nullopt, told, silent));
  return run;
}

Result<void> Client::Follow(const std::string& run, std::optional<Milliseconds> limit,
                            const Told& told) const {
  TRY_ASSIGN(Asked asked, daemon::Ask(socket_, Json{{"verb", "follow"}, {"run", run}}));
  if (FlagOf(asked.answer, "ended")) return {};
  return Listen(asked.channel, limit, told);
}

Result<void> Client::Cancel(const std::string& run, const std::string& by) const {
  return Do(socket_, {{"verb", "cancel"}, {"run", run}, {"by", by}});
}

Result<std::string> Client::Retry(const std::string& run, const std::string& by) const {
  TRY_ASSIGN(const Asked asked,
             daemon::Ask(socket_, Json{{"verb", "retry"}, {"run", run}, {"by", by}}));
  return TextOf(asked.answer, "note");
}

Result<void> Client::Skip(const std::string& run, const std::string& task,
                          const std::string& by) const {
  return Do(socket_, {{"verb", "skip"}, {"run", run}, {"task", task}, {"by", by}});
}

Result<void> Client::Pause(const plan::GraphKey& graph, bool paused, const std::string& by) const {
  return Do(socket_, {{"verb", paused ? "pause" : "resume"}, {"graph", graph}, {"by", by}});
}

Result<std::vector<BackfillInstant>> Client::Backfill(const BackfillRequest& request) const {
  TRY_ASSIGN(const Asked asked, daemon::Ask(socket_, ToJson(request)));
  std::vector<BackfillInstant> instants;
  for (const Json& instant : asked.answer.value("instants", Json::array())) {
    instants.push_back(BackfillInstantFrom(instant));
  }
  return instants;
}

Result<std::string> Client::Explain(const std::string& what, const std::string& task) const {
  TRY_ASSIGN(const Asked asked,
             daemon::Ask(socket_, Json{{"verb", "explain"}, {"what", what}, {"task", task}}));
  return TextOf(asked.answer, "sentence");
}

Result<std::string> Client::MakeLink(const std::string& by) const {
  TRY_ASSIGN(const Asked asked, daemon::Ask(socket_, Json{{"verb", "link"}, {"by", by}}));
  return TextOf(asked.answer, "link");
}

Result<void> Client::Yield() const { return Do(socket_, {{"verb", "yield"}}); }

Result<Status> Client::Ask() const {
  TRY_ASSIGN(const Asked asked, daemon::Ask(socket_, Json{{"verb", "status"}}));
  return StatusFrom(asked.answer);
}

}  // namespace busker::daemon
