#include "http/response_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "http/problem.h"

namespace busker::http {
namespace {

// The page takes no script, style or host but its own, and nobody may frame or read what is here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kHeaders = {{
    {"Server", "busker"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
     "'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
}};

constexpr std::size_t kHeadBytes = 256;  // of most answers to programs

void AddHeader(std::string& text, std::string_view name, std::string_view value) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  text.append(name).append(": ").append(value);
  // What is in a value ends no line.
  std::replace_if(text.end() - static_cast<std::ptrdiff_t>(value.size()), text.end(), is_control,
                  ' ');
  text += "\r\n";
}

}  // namespace

std::string ResponseText(const Response& response, Body body, bool keep_alive, bool for_programs) {
  std::string text;
  text.reserve(kHeadBytes + (body == Body::kSent ? response.body.size() : 0));
  fmt::format_to(std::back_inserter(text), "HTTP/1.1 {} {}\r\n", response.status,
                 TitleOf(response.status));
  for (const auto& [name, value] : kHeaders) {
    if (for_programs) break;
    const bool is_said =
        std::any_of(response.headers.begin(), response.headers.end(),
                    [&, said = name](const auto& own) { return own.first == said; });
    if (!is_said) AddHeader(text, name, value);
  }
  for (const auto& [name, value] : response.headers) AddHeader(text, name, value);
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body && !response.type.empty()) AddHeader(text, "Content-Type", response.type);
  if (has_body && body != Body::kEvents) {
    AddHeader(text, "Content-Length", std::to_string(response.body.size()));
  }
  if (!keep_alive) AddHeader(text, "Connection", "close");
  text += "\r\n";
  if (has_body && body == Body::kSent) text += response.body;
  return text;
}

}  // namespace busker::http
