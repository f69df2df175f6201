#include "io/http_client.h"

#include <algorithm>
#include <cctype>

#include "base/check.h"
#include "base/text.h"
#include "io/curl_library.h"
#include "io/url.h"

namespace busker::io {
namespace {

constexpr std::uint64_t kHeaderBytesMax = 64 << 10;

// RFC 9110: what a method and a header's name are made of.
bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) ||
           kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool IsHeaderValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7F); });
}

Result<void> CheckRequest(const HttpRequest& request) {
  CHECK(request.limit.count() > 0 && request.connect_limit.count() > 0, "a call has its limits");
  TRY(CheckUrl(request.url, "http", "https"));
  if (!IsToken(request.method)) return Invalid("the HTTP method is not one word");
  for (const HttpHeader& header : request.headers) {
    if (!IsToken(header.name) || !IsHeaderValue(header.value)) {
      return Invalid("the HTTP header " + Printable(header.name) +
                     " cannot be sent: it holds a line end or another control character");
    }
  }
  return {};
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

struct Reading {
  HttpResponse response;
  std::uint64_t body_bytes_max = 0;
  std::uint64_t header_bytes = 0;
};

std::size_t TakeBody(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& reading = *static_cast<Reading*>(to);
  std::string& body = reading.response.body;
  const std::size_t all = size * count;
  const auto room = static_cast<std::size_t>(reading.body_bytes_max - body.size());
  body.append(bytes, std::min(all, room));
  reading.response.cut = all > room;
  return reading.response.cut ? 0 : all;  // fewer than all: no more, please
}

std::size_t TakeHeader(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& reading = *static_cast<Reading*>(to);
  const std::string_view line(bytes, size * count);
  reading.header_bytes += line.size();
  if (reading.header_bytes > kHeaderBytesMax) return 0;
  if (line.starts_with("HTTP/")) reading.response.headers.clear();  // an interim answer came before
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    reading.response.headers.push_back(
        {LowerCase(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1)))});
  }
  return line.size();
}

void SetMethodAndBody(Transfer& transfer, const HttpRequest& request) {
  if (request.method == "HEAD") {
    transfer.Set(CURLOPT_NOBODY, 1L);
  } else if (request.method == "GET" && request.body.empty()) {
    transfer.Set(CURLOPT_HTTPGET, 1L);
  } else {
    transfer.Set(CURLOPT_POST, 1L);
    transfer.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    transfer.Set(CURLOPT_POSTFIELDS, request.body.data());
    transfer.Set(CURLOPT_CUSTOMREQUEST, request.method);
  }
}

void SetHeaders(Transfer& transfer, const HttpRequest& request) {
  transfer.Set(CURLOPT_USERAGENT, "busker");
  transfer.Append(CURLOPT_HTTPHEADER, "Expect:");  // never ask first whether to send the body
  bool typed = false;
  for (const HttpHeader& header : request.headers) {
    typed = typed || LowerCase(header.name) == "content-type";
    // "name;" is libcurl's way to say: empty, yet send it.
    transfer.Append(CURLOPT_HTTPHEADER,
                    header.name + (header.value.empty() ? ";" : ": " + header.value));
  }
  if (!typed) transfer.Append(CURLOPT_HTTPHEADER, "Content-Type:");  // not libcurl's own guess
}

}  // namespace

std::string_view HttpResponse::Header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const HttpHeader& header) { return header.name == name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

Result<HttpResponse> Send(const HttpRequest& request, const std::stop_token& stop) {
  TRY(CheckRequest(request));
  TRY_ASSIGN(const std::unique_ptr<Transfer> transfer, Transfer::Make(OriginOf(request.url)));
  Reading reading;
  reading.body_bytes_max = request.response_bytes_max;
  transfer->Set(CURLOPT_PROTOCOLS_STR, "http,https");
  transfer->Set(CURLOPT_URL, request.url);
  transfer->Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_limit.count()));
  transfer->Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.limit.count()));
  if (!request.ca_file.empty()) transfer->Set(CURLOPT_CAINFO, request.ca_file);
  SetMethodAndBody(*transfer, request);
  SetHeaders(*transfer, request);
  transfer->Set(CURLOPT_WRITEFUNCTION, &TakeBody);
  transfer->Set(CURLOPT_WRITEDATA, &reading);
  transfer->Set(CURLOPT_HEADERFUNCTION, &TakeHeader);
  transfer->Set(CURLOPT_HEADERDATA, &reading);
  TRY(transfer->Run(stop, reading.response.cut));
  reading.response.status = static_cast<int>(transfer->ResponseCode());
  return std::move(reading.response);
}

}  // namespace busker::io
