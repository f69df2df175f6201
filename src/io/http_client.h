// Calls to HTTP servers, by libcurl, which is opened at the first of them.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace busker::io {

struct HttpHeader {
  std::string name, value;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://
  std::vector<HttpHeader> headers;
  std::string body;
  Milliseconds connect_limit{};                // both limits are required;
  Milliseconds limit{};                        // this one holds for all of it
  std::uint64_t response_bytes_max = 1 << 20;  // of the body; what comes after is not read
  std::string ca_file;                         // trusted certificates (PEM); empty: the system's
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;  // names in lower case
  std::string body;
  bool cut = false;  // the body had more than response_bytes_max bytes

  // The first of that name (in lower case); empty when there is none.
  std::string_view Header(std::string_view name) const;
};

// Sends the request and reads the answer, whatever its status: an answer is no error, and a
// redirect is an answer. TLS is always verified; a proxy is taken from the environment
// (http_proxy, https_proxy, no_proxy). Link-local addresses are refused after resolution; behind a
// proxy it is the proxy that resolves. Any thread; returns soon after `stop`.
//
// kInvalid: a URL or header that cannot be sent, a refused address. kTemporary: no connection, or
// one that broke; stopped. kTimedOut: a limit. kFailed: a certificate that is not trusted, others.
// kUnusable: no libcurl. Messages name scheme, host and port of the URL alone, the rest may be
// secret.
Result<HttpResponse> Send(const HttpRequest& request, const std::stop_token& stop = {});

}  // namespace busker::io
