#include "attempt/channel.h"

namespace busker::attempt {

std::string OrderMessage(const io::fs::path& attempt_folder, std::string_view order) {
  std::string message = attempt_folder.string();
  message += '\0';
  message += order;
  return message;
}

std::optional<ReceivedOrder> ReadOrderMessage(std::string_view message) {
  const auto folder_end = message.find('\0');
  if (folder_end == std::string_view::npos) return std::nullopt;
  return ReceivedOrder{message.substr(0, folder_end), std::string(message.substr(folder_end + 1))};
}

}  // namespace busker::attempt
