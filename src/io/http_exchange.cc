#include "io/http_exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace busker::io {
namespace {

constexpr std::size_t kRoomBytes = 64 << 10;

bool IsHeaderValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7F); });
}

// How the message is framed is for this room to say.
bool IsOfTheTransport(const std::string& name) {
  constexpr std::array<std::string_view, 8> kNames{
      "content-length", "transfer-encoding", "connection", "keep-alive", "te",
      "trailer",        "upgrade",           "expect"};
  return std::find(kNames.begin(), kNames.end(), LowerCase(name)) != kNames.end();
}

bool IsGiven(const std::vector<HttpHeader>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const HttpHeader& header) { return LowerCase(header.name) == name; });
}

std::string LengthLine(const HttpRequest& request) {
  if (request.source && !request.source->size_bytes) return "Transfer-Encoding: chunked\r\n";
  const std::uint64_t bytes = request.source ? *request.source->size_bytes : request.body.size();
  const bool has_meaning =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (bytes == 0 && !request.source && !has_meaning) return {};
  return fmt::format("Content-Length: {}\r\n", bytes);
}

}  // namespace

Result<std::string> HeadOf(const HttpRequest& request, const std::string& target,
                           const std::string& place, const std::vector<HttpHeader>& more) {
  if (!IsHttpToken(request.method)) return Invalid("the HTTP method is not one word");
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", request.method, target);
  if (!IsGiven(request.headers, "host")) head += fmt::format("Host: {}\r\n", place);
  if (!IsGiven(request.headers, "user-agent")) head += "User-Agent: busker\r\n";
  if (!IsGiven(request.headers, "accept")) head += "Accept: */*\r\n";
  for (const auto* const headers : {&request.headers, &more}) {
    for (const HttpHeader& header : *headers) {
      if (!IsHttpToken(header.name) || !IsHeaderValue(header.value)) {
        return Invalid("the HTTP header " + Printable(header.name) +
                       " cannot be sent: it holds a line end or another control character");
      }
      if (IsOfTheTransport(header.name)) {
        return Invalid("the HTTP header " + header.name + " is not for a caller to set");
      }
      head += fmt::format("{}: {}\r\n", header.name, header.value);
    }
  }
  return head + LengthLine(request) + "\r\n";
}

HttpExchange::HttpExchange(Connection& connection, const HttpRequest& request, Waiter& waiter)
    : connection_(connection),
      request_(request),
      waiter_(waiter),
      reader_(request.method == "HEAD" || request.method == "CONNECT"),
      room_(std::make_unique_for_overwrite<char[]>(kRoomBytes)) {}

Result<HttpResponse> HttpExchange::Run(const std::string& head) {
  // In one piece, when it is small: one packet, which arrives whole.
  const bool in_one = !request_.source && request_.body.size() <= kRoomBytes;
  TRY_ASSIGN(bool goes_on, Write(in_one ? head + request_.body : head));
  if (goes_on && !in_one) {
    TRY(SendBody());
  } else {
    is_sent_ = goes_on;
  }
  while (!reader_.is_done() && !response_.cut) {
    short wait_for = 0;
    TRY(waiter_.Check());
    TRY(ReadSome(wait_for));
    if (wait_for != 0) {
      TRY(Wait(wait_for));
    }
  }
  response_.status = reader_.status();
  response_.headers = std::move(reader_.headers());
  return std::move(response_);
}

bool HttpExchange::may_go_on() const {
  return is_sent_ && !ended_ && reader_.is_done() && reader_.may_go_on();
}

Result<void> HttpExchange::SendBody() {
  if (!request_.source) {
    TRY_ASSIGN(is_sent_, Write(request_.body));
    return {};
  }
  const HttpSource& source = *request_.source;
  const auto room = std::make_unique_for_overwrite<char[]>(kRoomBytes);
  std::uint64_t left = source.size_bytes.value_or(UINT64_MAX);
  while (left > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, kRoomBytes));
    TRY_ASSIGN(const std::size_t count, source.read(room.get(), wanted));
    if (count == 0) break;
    left -= count;
    TRY_ASSIGN(const bool goes_on, WritePart({room.get(), count}, !source.size_bytes));
    if (!goes_on) return {};
  }
  if (source.size_bytes && left > 0) {
    return Failed(fmt::format("the body is {} bytes shorter than it was said to be", left));
  }
  is_sent_ = true;
  if (!source.size_bytes) {
    TRY_ASSIGN(is_sent_, Write("0\r\n\r\n"));
  }
  return {};
}

Result<bool> HttpExchange::WritePart(std::string_view part, bool in_chunks) {
  if (!in_chunks) return Write(part);
  return Write(fmt::format("{:x}\r\n{}\r\n", part.size(), part));
}

// False: no more is to be written, for an answer has come, or the other side takes no more. Which
// it is the reading tells: a server that says no early may hang up on the rest.
Result<bool> HttpExchange::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    TRY(waiter_.Check());
    const auto progress = connection_.TryWrite(bytes);
    if (!progress) {
      write_fault_ = progress.error();
      return false;
    }
    bytes.remove_prefix(progress->bytes);
    if (progress->bytes > 0) continue;
    if (progress->wait_for == 0) return false;
    TRY_ASSIGN(const short ready, Wait(static_cast<short>(progress->wait_for | POLLIN)));
    if ((ready & ~POLLOUT) == 0) continue;
    short ignored = 0;
    TRY(ReadSome(ignored));
    if (ended_ || reader_.has_head()) return false;
  }
  return true;
}

// What there is, without waiting; else `wait_for` says for what to wait.
Result<void> HttpExchange::ReadSome(short& wait_for) {
  const auto progress = connection_.TryRead({room_.get(), kRoomBytes});
  if (!progress) {
    broke_ = true;
    return tl::unexpected(write_fault_.value_or(progress.error()));
  }
  wait_for = progress->wait_for;
  if (progress->bytes > 0) return Take({room_.get(), progress->bytes});
  if (wait_for != 0) return {};
  ended_ = true;
  auto end = reader_.End();
  broke_ = !end;
  return end;
}

Result<void> HttpExchange::Take(std::string_view bytes) {
  part_.clear();
  TRY(reader_.Add(bytes, part_));
  if (part_.empty()) return {};
  if (request_.sink && reader_.status() / 100 == 2) return request_.sink(part_);
  const auto room = static_cast<std::size_t>(
      std::min<std::uint64_t>(part_.size(), request_.response_bytes_max - response_.body.size()));
  response_.cut = room < part_.size();
  response_.body.append(part_, 0, room);
  return {};
}

// Returns what of the connection is ready.
Result<short> HttpExchange::Wait(short events) {
  pollfd fd{connection_.descriptor(), events, 0};
  const bool limited = request_.silence_limit.count() > 0;
  const SteadyInstant until =
      limited ? std::chrono::steady_clock::now() + request_.silence_limit : SteadyInstant::max();
  do {
    TRY(waiter_.Wait({&fd, 1}, until));
    if (limited && fd.revents == 0 && std::chrono::steady_clock::now() >= until) {
      return TimedOut("not a byte went either way for " + FormatDuration(request_.silence_limit));
    }
  } while (fd.revents == 0);
  return fd.revents;
}

}  // namespace busker::io
