// busker-runner ATTEMPT_FOLDER: carries out one attempt.
// busker-runner --in-container ATTEMPT_FOLDER [IMAGE [WORKING_DIRECTORY]]: the same as the first
//     process of a container of that image.
// busker-runner --orders: carries out one after the other, as its standard input tells.
// busker-runner fetch URL FILE: a file from a server (fetch.h).
// busker-runner carry: the attempt that this VM was made for (carry.h).
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/open_files.h"
#include "runner/carry.h"
#include "runner/container.h"
#include "runner/fetch.h"
#include "runner/orders.h"
#include "runner/runner.h"

namespace {

constexpr int kUsage = 2;
constexpr int kTemporary = 75;
constexpr int kUnusable = 78;

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("busker-runner " BUSKER_VERSION);
    return 0;
  }
  if (argc >= 2 && std::string_view(argv[1]) == "fetch") {
    return busker::runner::FetchCommand({argv + 2, argv + argc});
  }
  busker::io::RestoreOpenFiles();
  if (argc == 2 && std::string_view(argv[1]) == "carry") return busker::runner::CarryCommand();
  if (argc == 2 && std::string_view(argv[1]) == "--orders") {
    const auto served = busker::runner::CarryOutOrders(0);
    return served ? 0 : kTemporary;
  }
  std::optional<busker::runner::Contained> contained;
  if (argc >= 3 && argc <= 5 && std::string_view(argv[1]) == "--in-container") {
    const auto settled = busker::runner::SettleIn(argv[2]);
    if (!settled) {
      std::fprintf(stderr, "busker-runner: %s\n", settled.error().message.c_str());
      return kUnusable;
    }
    contained.emplace();
    if (argc > 3) contained->image = argv[3];
    if (argc > 4) contained->working_directory = argv[4];
    for (char** entry = environ; *entry != nullptr; ++entry) {
      contained->environment.emplace_back(*entry);
    }
    ++argv;
    argc = 2;
  }
  if (argc != 2 || argv[1][0] == '-' || argv[1][0] == '\0') {
    std::fputs(
        "usage: busker-runner [--in-container] ATTEMPT_FOLDER [IMAGE [WORKING_DIRECTORY]] | "
        "--orders | fetch URL FILE | carry | --version\n",
        stderr);
    return kUsage;
  }
  const auto record = busker::runner::RunAttempt(argv[1], std::move(contained));
  if (record) return 0;
  std::fprintf(stderr, "busker-runner: %s: %s\n", argv[1], record.error().message.c_str());
  return record.error().kind == busker::ErrorKind::kTemporary ? kTemporary : kUnusable;
}
