#include "attempt/folder.h"

#include <charconv>

namespace busker::attempt {

io::fs::path FolderOf(const io::fs::path& runs_folder, const Name& name) {
  return runs_folder / name.run / (name.task + "." + std::to_string(name.number));
}

pid_t HolderIn(const std::string& lock_text) {
  pid_t holder = 0;
  std::from_chars(lock_text.data(), lock_text.data() + lock_text.size(), holder);
  return holder;
}

}  // namespace busker::attempt
