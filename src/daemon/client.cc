#include "daemon/client.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/messages.h"
#include "home/home.h"
#include "home/ownership.h"

namespace busker::daemon {
namespace {

constexpr Milliseconds kSendLimit = std::chrono::seconds(10);
constexpr Milliseconds kAnswerLimit = std::chrono::seconds(90);
constexpr Milliseconds kLookLimit = std::chrono::seconds(5);  // of what only looks
constexpr std::size_t kAnswerBytesMax = 64u << 20;            // the status of 100,000 graphs

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
        home::OwnerOf({socket.parent_path()}), FormatDuration(limit)));
  }
  TRY(answer);
  return Asked{std::move(channel), *std::move(answer)};
}

Result<void> Do(const io::fs::path& socket, const Json& request) {
  TRY(Ask(socket, request));
  return {};
}

Hear Hearing(LineChannel& channel) {
  return [&channel](std::optional<Milliseconds> limit) -> Result<std::optional<plan::Decision>> {
    TRY_ASSIGN(const Json message, Receive(channel, limit));
    return DecisionFrom(message);
  };
}

}  // namespace

bool Client::SomebodyListens() const { return LineChannel::Connect(socket_).has_value(); }

Result<std::string> Client::Start(const StartRequest& request) const {
  TRY_ASSIGN(const Asked asked, daemon::Ask(socket_, ToJson(request)));
  return TextOf(asked.answer, "run");
}

Result<std::string> Client::StartAndFollow(const StartRequest& request,
                                           const Follower& follower) const {
  Json message = ToJson(request);
  message["follow"] = true;
  TRY_ASSIGN(Asked asked, daemon::Ask(socket_, message));
  std::string run = TextOf(asked.answer, "run");
  follower.started(run);
  if (FlagOf(asked.answer, "ended")) return run;
  TRY(TellToItsEnd(Hearing(asked.channel), std::nullopt, follower.told, follower.silent));
  return run;
}

Result<void> Client::Follow(const std::string& run, std::optional<Milliseconds> limit,
                            const Told& told) const {
  TRY_ASSIGN(Asked asked, daemon::Ask(socket_, Json{{"verb", "follow"}, {"run", run}}));
  if (FlagOf(asked.answer, "ended")) return {};
  return TellToItsEnd(Hearing(asked.channel), limit, told);
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
  return Do(socket_, {{"verb", paused ? "pause" : "resume"}, {"graph", graph.Text()}, {"by", by}});
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
