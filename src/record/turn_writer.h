// Writes the changes of one turn: each a guarded statement with its event.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "record/event_chain.h"
#include "record/record.h"
#include "record/sqlite.h"

namespace busker::record {

class TurnWriter {
 public:
  // Within a transaction that the caller holds.
  TurnWriter(Database& database, const Turn& turn);

  Result<void> WriteAll();

 private:
  Result<void> Write(const AttemptRow& ended);
  Result<void> Write(const plan::RunQueued& queued);
  Result<void> Write(const plan::PrepareRun&) { return {}; }
  Result<void> Write(const plan::TasksPlanned& planned);
  Result<void> Write(const plan::StartAttempt& start);
  Result<void> Write(const plan::AttemptUndone& undone);
  Result<void> Write(const plan::PreemptionForgiven& forgiven);
  Result<void> Write(const plan::StopAttempt& stop);
  Result<void> Write(const plan::TaskChanged& change);
  Result<void> Write(const plan::RunChanged& change);
  Result<void> Write(const plan::RetryPlanned& retry);
  Result<void> Write(const plan::CancelAccepted& cancel);
  Result<void> Write(const plan::TaskCleared& cleared);
  Result<void> Write(const plan::DeadlineSet& set);
  Result<void> Write(const plan::RunHeld& held);
  Result<void> Write(const plan::GraphNoted& noted);
  Result<void> Write(const plan::NotifyPeople& tell);
  Result<void> Write(const NoticeRow& notice);
  Result<void> Write(const NoticeOutcome& outcome);

  Result<void> Prepared(const std::string& run, const std::vector<plan::Task>& tasks,
                        const std::optional<Milliseconds>& timeout);
  Result<void> AddTask(const std::string& run, int position, const plan::Task& task,
                       const Order& order);
  Result<void> AddEvent(std::string_view run, std::string_view task, std::string_view what,
                        std::string_view detail, std::string_view actor = "busker");

  // Runs a statement that must change exactly one row: another count means that the record and the
  // plan disagree, which nothing may paper over.
  template <typename... Values>
  Result<void> Change(std::string_view doing, std::string_view whom, std::string_view sql,
                      const Values&... values);

  Database& database_;
  const Turn& turn_;
  EventWriter events_;
  std::unordered_map<std::string_view, const PreparedRun*> prepared_;
};

}  // namespace busker::record
