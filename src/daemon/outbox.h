// Notices between the record, where they are written with what they tell of, and the sender.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/definitions.h"
#include "notify/sender.h"
#include "record/record.h"
#include "service/daemon_setting.h"

namespace busker::daemon {

class Outbox {
 public:
  // `tell` takes what became of a try to the record; `trouble` is told what is wrong with settings.
  Outbox(std::optional<service::SmtpSetting> smtp, std::function<void(record::NoticeOutcome)> tell,
         std::function<void(const std::string&)> trouble);
  ~Outbox();  // breaks off what is being sent; it stays on record

  // The notices that `tell` needs, one for each receiver of `settings`, each of which may be
  // interested or not.
  static std::vector<record::NoticeRow> NoticesOf(const plan::Tell& tell, Instant now,
                                                  const std::vector<service::Notify>& settings);

  // They are on record: sends them. Any thread.
  void Send(const std::vector<record::NoticeRow>& notices);

 private:
  Result<std::vector<notify::Pending>> Take(Instant now);
  Result<void> Delivered(std::int64_t id);
  Result<void> Failed(std::int64_t id, std::optional<Instant> next_try, const std::string& message);
  std::optional<record::NoticeRow> Find(std::int64_t id);
  Result<notify::Channel> ChannelOf(const record::NoticeRow& row) const;

  const std::optional<service::SmtpSetting> smtp_;
  const std::function<void(record::NoticeOutcome)> tell_;
  const std::function<void(const std::string&)> trouble_;
  std::mutex mutex_;
  std::map<std::int64_t, record::NoticeRow> waiting_;  // by id, in order of arrival
  std::int64_t next_id_ = 1;
  std::unique_ptr<notify::Sender> sender_;  // last: its thread asks this object; made when needed
};

}  // namespace busker::daemon
