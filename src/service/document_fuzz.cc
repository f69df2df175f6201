// Any bytes as a service file, a daemon.toml, or a graph file: each is taken, or refused in a
// sentence that says where.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "service/daemon_setting.h"
#include "service/graph_file.h"
#include "service/service.h"
#include "service/test_folder.h"

namespace {

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
  static service::TestFolder folder;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] == 'g') {
    folder.Write("graph.json", text);
    CheckRefusal(service::LoadGraphFile(folder.root() + "/graph.json"));
  } else if (data[0] == 'd') {
    folder.Write("daemon.toml", text);
    CheckRefusal(service::LoadDaemonSettings(folder.root() + "/daemon.toml"));
  } else {
    folder.File(text);
    CheckRefusal(service::LoadService(folder.root()));
  }
  return 0;
}
