// What is asked of an HTTP server, and what it answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/file.h"

namespace busker::io {

struct HttpHeader {
  std::string name, value;
};

// Where the body of a request comes from, part by part.
struct HttpSource {
  // Fills up to `count` bytes, and returns how many; 0: the end. May take its time.
  std::function<Result<std::size_t>(char* to, std::size_t count)> read;
  std::optional<std::uint64_t> size_bytes;  // unknown: sent in chunks
  // To the start: called before each time that the body is sent. None: it can be sent once.
  std::function<Result<void>()> rewind;
};

// The whole file, as long as it is when this is called. kInvalid for what is no file.
Result<HttpSource> FileSource(const fs::path& path);

// Where the body of an answer goes, part by part; an error ends the call, and is what it returns.
using HttpSink = std::function<Result<void>(std::string_view part)>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;                  // http:// or https://; user:password@ becomes Basic
  fs::path unix_socket;             // connects there, and not to the URL's host
  std::vector<HttpHeader> headers;  // but those of the transport: lengths, codings, Connection
  std::string body;
  std::optional<HttpSource> source;  // in place of `body`

  // GET, HEAD, PUT, DELETE and OPTIONS may be sent twice when a kept connection ends before
  // anything was answered. This says that another method may, too: its request has a key of its
  // own.
  bool is_repeatable = false;
  int redirects_max = 0;  // followed for GET and HEAD; without Authorization to another host

  Milliseconds connect_limit{10'000};          // to reach the server, TLS included
  Milliseconds silence_limit{};                // without a byte either way; 0: as long as all of it
  std::uint64_t response_bytes_max = 1 << 20;  // of a body in memory; what comes after is not read

  // Takes the body of an answer with a status of 2xx, of any length; that of any other stays in
  // memory, for it tells what went wrong.
  HttpSink sink;
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;  // names in lower case
  std::string body;
  bool cut = false;  // the body had more than response_bytes_max bytes
  std::string url;   // that answered: the request's, or where its redirects led

  // The first of that name (in lower case); empty when there is none.
  std::string_view Header(std::string_view name) const;
};

// RFC 9110: what a method and a header's name are made of.
bool IsHttpToken(std::string_view text);

}  // namespace busker::io
