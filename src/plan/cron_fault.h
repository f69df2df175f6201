// What is wrong with the text of a cron expression as a whole, where it was written for another
// program (a crontab, Jenkins) or came out of a document: a sentence that says what to write.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace busker::plan {

// nullopt: nothing that this knows; the fields themselves may be wrong.
std::optional<std::string> FindCronFault(std::string_view text);

}  // namespace busker::plan
