// Notices between the record, where they are written with what they tell of, and the sender.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalogue/catalogue.h"
#include "notify/sender.h"
#include "record/record.h"
#include "service/daemon_setting.h"

namespace busker::daemon {

// Notices for one receiver that could not be delivered so far, though it was tried twice.
struct Undelivered {
  std::string to;   // without secrets: "https://hooks.example.com"
  std::string why;  // the last time; empty: that was before this process began
  std::uint64_t notices = 0;
  int tries = 0;  // of the one that was tried most often
  Instant next_try{};
};

class Outbox {
 public:
  // `tell` takes what became of a try to the record; `say` takes sentences for the log: that a
  // notice could not be delivered a second time, is given up, or its settings are at fault.
  Outbox(std::optional<service::SmtpSetting> smtp, std::function<void(record::NoticeOutcome)> tell,
         std::function<void(const std::string&)> say);
  ~Outbox();  // breaks off what is being sent; it stays on record

  // The notices that `tell` needs, one for each receiver of `settings`, each of which may be
  // interested or not.
  static std::vector<record::NoticeRow> NoticesOf(const plan::NotifyPeople& tell, Instant now,
                                                  const std::vector<service::Notify>& settings);

  // They are on record: sends them. Any thread.
  void Send(const std::vector<record::NoticeRow>& notices);

  // By receiver. Any thread.
  std::vector<Undelivered> ListUndelivered() const;

 private:
  struct Waiting {
    record::NoticeRow row;
    std::string why;  // it could not be delivered the last time
  };
  Result<std::vector<notify::Pending>> Take(Instant now);
  Result<void> Delivered(std::int64_t id);
  Result<void> Failed(std::int64_t id, std::optional<Instant> next_try, const std::string& message);
  std::optional<record::NoticeRow> Find(std::int64_t id);
  Result<notify::Channel> ChannelOf(const record::NoticeRow& row) const;

  const std::optional<service::SmtpSetting> smtp_;
  const std::function<void(record::NoticeOutcome)> tell_;
  const std::function<void(const std::string&)> say_;
  mutable std::mutex mutex_;
  std::map<std::int64_t, Waiting> waiting_;  // by id, in order of arrival
  std::int64_t next_id_ = 1;
  std::set<std::string> told_;  // receivers of which the log says that they cannot be reached
  std::unique_ptr<notify::Sender> sender_;  // last: its thread asks this object; made when needed
};

}  // namespace busker::daemon
