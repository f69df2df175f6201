#include "daemon/outbox.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "io/url.h"
#include "notify/retry.h"

namespace busker::daemon {
namespace {

using Json = nlohmann::ordered_json;

// How the receivers of a setting are reached; secrets stay in their files.
std::vector<Json> ReceiversOf(const service::Notify& setting) {
  std::vector<Json> receivers;
  if (!setting.webhook.empty()) {
    receivers.push_back({{"by", "webhook"},
                         {"url", setting.webhook},
                         {"secret_file", setting.webhook_secret_file}});
  }
  if (!setting.command.empty())
    receivers.push_back({{"by", "command"}, {"words", setting.command}});
  for (const std::string& address : setting.emails) {
    receivers.push_back({{"by", "mail"}, {"to", address}});
  }
  return receivers;
}

// A second try that fails is no hiccup any more.
constexpr int kToldTries = 2;

// Whom a notice is for, without secrets.
std::string ReceiverOf(const record::NoticeRow& row) {
  const Json channel = Json::parse(row.channel, nullptr, false);
  if (!channel.is_object()) return "an unknown receiver";
  if (channel.value("by", "") == "webhook") return io::OriginOf(channel.value("url", ""));
  if (channel.value("by", "") == "mail") return "mail to " + channel.value("to", "");
  const auto words = channel.value("words", std::vector<std::string>());
  return "the command " + (words.empty() ? "(none)" : words.front());
}

std::string HintOf(const plan::NotifyPeople& tell) {
  switch (tell.kind) {
    case plan::NotifyPeople::Kind::kFailed:
      return fmt::format("busker logs {0}; busker retry {0}", tell.run);
    case plan::NotifyPeople::Kind::kRecovered:
      return tell.run.empty() ? "busker status" : fmt::format("busker logs {}", tell.run);
    case plan::NotifyPeople::Kind::kLate:
    case plan::NotifyPeople::Kind::kNeverStarted:
      return fmt::format("busker explain {}", tell.graph);
    case plan::NotifyPeople::Kind::kLeftBehind:
      return "busker status";
    case plan::NotifyPeople::Kind::kBehind:
      return tell.version.empty() ? "busker status"
                                  : fmt::format("busker show {}; busker rollback", tell.version);
    case plan::NotifyPeople::Kind::kApproval:
      return fmt::format("busker show {0}; busker promote {0}", tell.version);
  }
  return {};
}

}  // namespace

Outbox::Outbox(std::optional<service::SmtpSetting> smtp,
               std::function<void(record::NoticeOutcome)> tell,
               std::function<void(const std::string&)> say)
    : smtp_(std::move(smtp)), tell_(std::move(tell)), say_(std::move(say)) {}

Outbox::~Outbox() { sender_.reset(); }

std::vector<record::NoticeRow> Outbox::NoticesOf(const plan::NotifyPeople& tell, Instant now,
                                                 const std::vector<service::Notify>& settings) {
  std::vector<record::NoticeRow> notices;
  const std::string kind(plan::NameOf(tell.kind));
  for (const service::Notify& setting : settings) {
    if (std::find(setting.on.begin(), setting.on.end(), kind) == setting.on.end()) continue;
    for (const Json& receiver : ReceiversOf(setting)) {
      record::NoticeRow notice;
      notice.channel = receiver.dump();
      notice.key = notify::MakeKey({kind, tell.graph.Text(), tell.run, tell.data_date, tell.message,
                                    FormatRfc3339(now), notice.channel});
      const bool twice = std::any_of(notices.begin(), notices.end(),
                                     [&](const auto& other) { return other.key == notice.key; });
      if (twice) continue;  // the daemon's and the service's settings name the same receiver
      notice.at = now;
      notice.next_try = now;
      notice.kind = kind;
      notice.service = tell.graph.service;
      notice.action = tell.graph.name;
      notice.run = tell.run;
      notice.data_date = tell.data_date;
      notice.message = tell.message;
      notice.hint = HintOf(tell);
      notices.push_back(std::move(notice));
    }
  }
  return notices;
}

void Outbox::Send(const std::vector<record::NoticeRow>& notices) {
  if (notices.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const record::NoticeRow& notice : notices) waiting_.emplace(next_id_++, Waiting{notice, ""});
  if (sender_ == nullptr) {
    notify::Outbox box;
    box.take = [this](Instant now) { return Take(now); };
    box.delivered = [this](std::int64_t id) { return Delivered(id); };
    box.failed = [this](std::int64_t id, std::optional<Instant> next, const std::string& why) {
      return Failed(id, next, why);
    };
    box.trouble = [this](const Error& error) { say_(error.message); };
    sender_ = std::make_unique<notify::Sender>(std::move(box));
  }
  sender_->Wake();
}

Result<std::vector<notify::Pending>> Outbox::Take(Instant now) {
  std::vector<record::NoticeRow> rows;
  std::vector<std::int64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, waiting] : waiting_) {
      const record::NoticeRow& row = waiting.row;
      // A clock that was ahead put it off for longer than it is ever put off.
      const Milliseconds left = row.next_try - now;
      if (left.count() > 0 && left <= notify::RetryAfter(std::max(1, row.tries), row.key)) continue;
      ids.push_back(id);
      rows.push_back(waiting.row);
    }
  }
  std::vector<notify::Pending> due;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const record::NoticeRow& row = rows[i];
    auto channel = ChannelOf(row);
    if (!channel) {
      // A secret that cannot be read now may be there later.
      const std::string why = "it cannot be sent: " + channel.error().message;
      TRY(Failed(ids[i], notify::NextTry(row.at, now, row.tries + 1, row.key), why));
      continue;
    }
    due.push_back({ids[i],
                   {row.key, row.at, row.kind, row.service, row.action, row.run, row.data_date,
                    row.message, row.hint},
                   std::move(*channel),
                   row.tries});
  }
  return due;
}

Result<void> Outbox::Delivered(std::int64_t id) {
  const auto row = Find(id);
  if (!row) return {};
  tell_({row->key, record::NoticeOutcome::State::kDelivered, {}, ""});
  bool was_told = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.erase(id);
    was_told = told_.erase(ReceiverOf(*row)) > 0;
  }
  if (was_told) say_(fmt::format("notices are delivered to {} again", ReceiverOf(*row)));
  return {};
}

Result<void> Outbox::Failed(std::int64_t id, std::optional<Instant> next_try,
                            const std::string& message) {
  const auto row = Find(id);
  if (!row) return {};
  using State = record::NoticeOutcome::State;
  tell_({row->key, next_try ? State::kTryAgain : State::kGivenUp, next_try.value_or(Instant{}),
         message});
  const std::string to = ReceiverOf(*row);
  const std::string notice =
      fmt::format("the notice \"{}\" of {}", row->kind, plan::GraphKey(row->service, row->action));
  if (!next_try) {
    say_(fmt::format("{} to {} is given up: {}", notice, to, message));
    const std::lock_guard lock(mutex_);
    waiting_.erase(id);
    return {};
  }
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    Waiting& waiting = waiting_.at(id);
    ++waiting.row.tries;
    waiting.row.next_try = *next_try;
    waiting.why = message;
    is_news = waiting.row.tries >= kToldTries && told_.insert(to).second;
  }
  if (is_news) {
    say_(
        fmt::format("{} could not be delivered to {}, at the second try, too: {}; it is tried "
                    "again at {}, and then ever more rarely for three days",
                    notice, to, message, FormatRfc3339(*next_try)));
  }
  return {};
}

std::vector<Undelivered> Outbox::ListUndelivered() const {
  std::map<std::string, Undelivered> by_receiver;
  const std::lock_guard lock(mutex_);
  for (const auto& [_, waiting] : waiting_) {
    const record::NoticeRow& row = waiting.row;
    if (row.tries < kToldTries) continue;
    Undelivered& one = by_receiver[ReceiverOf(row)];
    if (one.notices == 0 || row.next_try < one.next_try) one.next_try = row.next_try;
    if (!waiting.why.empty()) one.why = waiting.why;
    one.tries = std::max(one.tries, row.tries);
    ++one.notices;
  }
  std::vector<Undelivered> list;
  for (auto& [to, one] : by_receiver) {
    one.to = to;
    list.push_back(std::move(one));
  }
  return list;
}

// What it tells is told without the mutex: the record may be full of other things, and whoever
// empties it may be about to give more to send.
std::optional<record::NoticeRow> Outbox::Find(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return std::nullopt;
  return found->second.row;
}

Result<notify::Channel> Outbox::ChannelOf(const record::NoticeRow& row) const {
  const Json channel = Json::parse(row.channel, nullptr, false);
  if (!channel.is_object()) return Invalid("its receiver is not known any more");
  const std::string by = channel.value("by", "");
  if (by == "webhook") {
    notify::Webhook webhook{channel.value("url", ""), ""};
    const std::string secret_file = channel.value("secret_file", "");
    if (!secret_file.empty()) {
      TRY_ASSIGN(webhook.secret, notify::ReadSecret(secret_file));
    }
    return webhook;
  }
  if (by == "command") {
    return notify::CommandChannel{channel.value("words", std::vector<std::string>()), {}};
  }
  if (by != "mail") return Invalid("its receiver is not known to this busker");
  if (!smtp_) return Invalid("mail needs [smtp] in daemon.toml");
  notify::Mail mail{smtp_->url,     smtp_->user, "", smtp_->from, {channel.value("to", "")},
                    smtp_->starttls};
  if (!smtp_->password_file.empty()) {
    TRY_ASSIGN(mail.password, notify::ReadSecret(smtp_->password_file));
  }
  return mail;
}

}  // namespace busker::daemon
