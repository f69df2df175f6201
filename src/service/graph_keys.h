// The keys of a graph file, as keys.h has those of the service file.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/graph_file.h"
#include "service/keys.h"

namespace busker::service {

// A date or instant as the file has it; it is read when the time zone is known.
struct BoundDraft {
  std::string text;  // empty: not in the file
  Position at;
};

struct GraphDraft {
  GraphFile file;
  BoundDraft start, end;
  Position schedule_at;  // of the first of "schedule" and "schedule_interval"; line 0: none
  const Node* default_args = nullptr;
};

// A task, or what default_args say of all.
struct TaskDraft {
  GraphTask task;
  std::vector<std::string> emails;
  bool email_on_failure = true;
  BoundDraft start, end;  // in default_args only
  Position name_at, code_at;
};

std::span<const Key<GraphDraft>> GraphKeys();
std::span<const Key<TaskDraft>> DefaultArgKeys();
std::span<const Key<TaskDraft>> TaskKeys();

// Says of Airflow's words that Busker has not that they are refused, and of those that stand in the
// wrong place where they belong.
const KeyHelp& GraphKeyHelp();

}  // namespace busker::service
