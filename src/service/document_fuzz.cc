// Any bytes as a service file, a daemon.toml, or a graph file: each is taken, or refused in a
// sentence that says where.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "service/daemon_setting.h"
#include "service/graph_file.h"
#include "service/service.h"

namespace {

// In memory, and gone with the process's end but for the empty folder.
const std::filesystem::path& Folder() {
  static const std::filesystem::path folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "busker-fuzz-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr, "there is room for a folder");
    return std::filesystem::path(name);
  }();
  return folder;
}

std::string Write(const char* name, const char* bytes, std::size_t size) {
  const std::filesystem::path path = Folder() / name;
  std::ofstream(path, std::ios::binary).write(bytes, static_cast<std::streamsize>(size));
  return path.string();
}

template <typename T>
void CheckRefusal(const busker::Result<T>& result) {
  if (result) return;
  CHECK(!result.error().message.empty(), "what is refused is refused with a sentence");
  CHECK(result.error().kind == busker::ErrorKind::kInvalid ||
            result.error().kind == busker::ErrorKind::kUnusable,
        "bad text is the text's fault");
}

}  // namespace

// The first byte says as what the rest is read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace busker;
  if (size < 1) return 0;
  const char* const bytes = reinterpret_cast<const char*>(data + 1);
  if (data[0] == 'g') {
    CheckRefusal(service::LoadGraphFile(Write("graph.json", bytes, size - 1)));
  } else if (data[0] == 'd') {
    CheckRefusal(service::LoadDaemonSettings(Write("daemon.toml", bytes, size - 1)));
  } else {
    Write("busker.toml", bytes, size - 1);
    CheckRefusal(service::LoadService(Folder().string(), {}));
  }
  return 0;
}
