#include "runner/start_marker.h"

#include "artifact/json_object.h"
#include "runner/memory_group.h"

namespace busker::runner {

Result<void> WriteStartMarker(const io::fs::path& attempt_folder, const StartMarker& marker) {
  return io::WriteFileAtomically(
      attempt_folder / kStartedFile,
      artifact::JsonText({
          {"started_at", FormatRfc3339(marker.started_at)},
          {"command_started_at", FormatRfc3339(marker.command_started_at)},
          {"session", marker.session.leader},
          {"session_started_ticks", marker.session.leader_started},
          {"boot", marker.session.boot},
          {"memory_group", marker.memory_group.string()},
      }));
}

Result<std::optional<StartMarker>> ReadStartMarker(const io::fs::path& attempt_folder) {
  auto text = io::ReadFile(attempt_folder / kStartedFile);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  TRY(text);
  TRY_ASSIGN(const auto value, artifact::ParseJson(*text, kStartedFile));
  StartMarker marker;
  std::string memory_group;
  artifact::JsonObject in(value, kStartedFile);
  in.Get("started_at", marker.started_at);
  in.Get("command_started_at", marker.command_started_at);
  in.Get("session", marker.session.leader);
  in.Get("session_started_ticks", marker.session.leader_started);
  in.Get("boot", marker.session.boot);
  in.Get("memory_group", memory_group);
  TRY(in.Done());
  marker.memory_group = memory_group;
  return marker;
}

int EndLeftovers(const StartMarker& marker, const std::string& mark) {
  int ended = 0;
  std::error_code error;
  if (!marker.memory_group.empty() && io::fs::is_directory(marker.memory_group, error)) {
    ended += MemoryGroup::KillAll(marker.memory_group);
    MemoryGroup::Remove(marker.memory_group);
  }
  ended += KillSession(marker.session);
  return mark.empty() ? ended : ended + KillMarked(mark);
}

}  // namespace busker::runner
