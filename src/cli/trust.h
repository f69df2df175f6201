// What others on the machine could change, and Busker would take for its owner's word.
#pragma once

#include <string>
#include <vector>

namespace busker::cli {

// A sentence for each of the files, and the folders that they are in, that anybody may write to, or
// that belongs to another user than who runs this program (and not to root).
std::vector<std::string> DoubtsAbout(const std::vector<std::string>& files);

// Tells them on standard error.
void TellDoubts(const std::vector<std::string>& files);

}  // namespace busker::cli
