#include "daemon/verbs.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace busker::daemon {
namespace {

using Do = Result<Answer> (*)(const Json& asked, const Requests& owner);
struct Verb {
  std::string_view name;
  Do act;
};

std::string RunIn(const Json& asked) { return TextOf(asked, "run"); }
std::string ByIn(const Json& asked) { return TextOf(asked, "by"); }

Answer Saying(const Json& message, std::shared_ptr<Subscription> heard = {}) {
  return {TextOf(message), std::move(heard)};
}

Result<Answer> Done(const Result<void>& done) {
  TRY(done);
  return Saying({{"done", true}});
}

Result<Answer> Start(const Json& asked, const Requests& owner) {
  const bool follows = FlagOf(asked, "follow");
  std::shared_ptr<Subscription> heard;
  TRY_ASSIGN(const std::string run,
             owner.Start(StartRequestFrom(asked), follows ? &heard : nullptr));
  const bool ended = follows && heard == nullptr;
  return Saying({{"run", run}, {"ended", ended}}, std::move(heard));
}

Result<Answer> Follow(const Json& asked, const Requests& owner) {
  TRY_ASSIGN(std::shared_ptr<Subscription> heard, owner.Listen(RunIn(asked)));
  const bool ended = heard == nullptr;
  return Saying({{"run", RunIn(asked)}, {"ended", ended}}, std::move(heard));
}

Result<Answer> Cancel(const Json& asked, const Requests& owner) {
  return Done(owner.Cancel(RunIn(asked), ByIn(asked)));
}

Result<Answer> Retry(const Json& asked, const Requests& owner) {
  TRY_ASSIGN(const std::string note, owner.Retry(RunIn(asked), ByIn(asked)));
  return Saying({{"done", true}, {"note", note}});
}

Result<Answer> Skip(const Json& asked, const Requests& owner) {
  return Done(owner.Skip(RunIn(asked), TextOf(asked, "task"), ByIn(asked)));
}

Result<Answer> Pause(const Json& asked, const Requests& owner) {
  return Done(owner.Pause(GraphIn(asked), true, ByIn(asked)));
}

Result<Answer> Resume(const Json& asked, const Requests& owner) {
  return Done(owner.Pause(GraphIn(asked), false, ByIn(asked)));
}

Result<Answer> Backfill(const Json& asked, const Requests& owner) {
  TRY_ASSIGN(const auto instants, owner.Backfill(BackfillRequestFrom(asked)));
  Json list = Json::array();
  for (const BackfillInstant& instant : instants) list.push_back(ToJson(instant));
  return Saying({{"instants", std::move(list)}});
}

Result<Answer> Explain(const Json& asked, const Requests& owner) {
  TRY_ASSIGN(const std::string sentence,
             owner.Explain(TextOf(asked, "what"), TextOf(asked, "task")));
  return Saying({{"sentence", sentence}});
}

Result<Answer> Ask(const Json&, const Requests& owner) {
  TRY_ASSIGN(const Status status, owner.Ask());
  return Saying(ToJson(status));
}

Result<Answer> MakeLink(const Json& asked, const Requests& owner) {
  TRY_ASSIGN(const std::string link, owner.MakeLink(ByIn(asked)));
  return Saying({{"link", link}});
}

Result<Answer> Yield(const Json&, const Requests& owner) { return Done(owner.Yield()); }

constexpr Verb kVerbs[] = {
    {"start", Start}, {"follow", Follow}, {"cancel", Cancel},   {"retry", Retry},
    {"skip", Skip},   {"pause", Pause},   {"resume", Resume},   {"backfill", Backfill},
    {"status", Ask},  {"link", MakeLink}, {"explain", Explain}, {"yield", Yield},
};

}  // namespace

Result<Answer> AnswerTo(const Json& message, const Requests& requests) {
  const std::string name = TextOf(message, "verb");
  const auto verb = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                 [&](const Verb& one) { return one.name == name; });
  if (verb == std::end(kVerbs)) return Invalid("this busker does not know what " + name + " is");
  return verb->act(message, requests);
}

}  // namespace busker::daemon
