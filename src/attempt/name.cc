#include "attempt/name.h"

namespace busker::attempt {

std::string EntryOf(const Name& name) { return "BUSKER_ATTEMPT=" + name.Text(); }

std::string MarkOf(const Name& name, const std::string& instance) {
  return instance.empty() ? EntryOf(name) : "BUSKER_MARK=" + instance + "/" + name.Text();
}

}  // namespace busker::attempt
