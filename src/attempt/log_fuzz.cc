// Any bytes as what is stored of a log, to the text that a terminal or a page is shown. The input
// is cut at each 0x1E: the first part is the head; a part behind it begins with a segment's name
// and a line end.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "attempt/log.h"
#include "base/check.h"
#include "base/text.h"
#include "io/test_folder.h"

namespace {

namespace fs = std::filesystem;

void Write(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::ssize(bytes));
}

// Whether the name can be a file's in a folder, and is none that is there.
bool IsName(const std::string& name) {
  return !name.empty() && name.size() < 40 && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

void CheckIsSafe(const std::string& text) {
  CHECK(busker::IsUtf8(text), "what is printed is UTF-8");
  CHECK(std::none_of(text.begin(), text.end(),
                     [](char c) {
                       return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') ||
                              c == 0x7F;
                     }),
        "what is printed steers no terminal");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace busker;
  if (size > 100'000) return 0;
  static const io::TestFolder own;
  const fs::path& folder = own.path();
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove(entry.path());
  const std::vector<std::string> parts =
      Split(std::string_view(reinterpret_cast<const char*>(data), size), '\x1E');
  Write(folder / "log", parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t end = std::min(parts[i].find('\n'), parts[i].size());
    const std::string name = parts[i].substr(0, end);
    if (IsName(name))
      Write(folder / ("log." + name), parts[i].substr(std::min(end + 1, parts[i].size())));
  }
  busker::attempt::LogReader reader(folder);
  std::string text;
  CHECK(reader.ReadNew([&](std::string_view bytes) { text += bytes; }), "what is there is read");
  CHECK(text.size() <= size + parts.size() * 64, "a log is no longer than what is stored");
  CHECK(text.find(" -") == std::string::npos || text.find("bytes cut") == std::string::npos ||
            std::string_view(reinterpret_cast<const char*>(data), size).find(" -") !=
                std::string_view::npos,
        "no cut is shorter than nothing");
  std::string more;
  CHECK(reader.ReadNew([&](std::string_view bytes) { more += bytes; }) && more.empty(),
        "what was read is not read again");
  CheckIsSafe(Printable(text));
  return 0;
}
