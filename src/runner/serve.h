// A runner that waits for orders, so that an attempt does not wait for a program to start.
//
// Its standard input is a socket (SOCK_SEQPACKET) whose other end the executor holds. A message in
// is one order: the attempt's folder, NUL, and the order's JSON, or nothing when it is in the
// folder. A message out is the text of exit.json, which is then in the folder if the disk has taken
// it. One order at a time: the next may come once the answer to the last is there. The runner ends
// when the executor does, after the attempt that it is in; and after one that was not clean.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace busker::runner {

inline constexpr std::size_t kOrderBytesMax = 128 << 10;  // of a message in
inline constexpr std::size_t kAnswerBytesMax = 64 << 10;  // of a message out

std::string OrderMessage(const io::fs::path& attempt_folder, std::string_view order_json);

// Carries out orders until there are no more. An Error is about the last attempt, and is also left
// in its folder, as "runner.err".
Result<void> ServeOrders(int socket);

inline constexpr char kErrorFile[] = "runner.err";

}  // namespace busker::runner
