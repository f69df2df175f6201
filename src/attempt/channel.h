// Between the executor and a runner that waits for orders, so that an attempt does not wait for a
// program to start: a socket (SOCK_SEQPACKET), which is the runner's standard input.
//
// A message in is one order: the attempt's folder, NUL, and the order, or nothing when it is in the
// folder. A message out is the text of exit.json, which is then in the folder if the disk has taken
// it. One order at a time: the next may come once the answer to the last is there. The runner ends
// when the executor does, after the attempt that it is in; and after one that was not clean.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "io/file.h"

namespace busker::attempt {

inline constexpr std::size_t kOrderBytesMax = 128 << 10;  // of a message in
inline constexpr std::size_t kAnswerBytesMax = 64 << 10;  // of a message out

std::string OrderMessage(const io::fs::path& attempt_folder, std::string_view order);

// The folder and the order of a message; nullopt: it is none.
struct ReceivedOrder {
  io::fs::path folder;
  std::string order;  // empty: it is in the folder
};
std::optional<ReceivedOrder> ReadOrderMessage(std::string_view message);

}  // namespace busker::attempt
