// Keeps other sites out: whoever has a browser open may be made to ask this server something, by a
// page of another site or by a name that resolves to this address.
//
//   the Host header is one of ours (else 421: a page of another name resolved to this address)
//   who comes from a page comes from one of ours (else 403)
//   what says who asks, or what is sent, comes once (else 400)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace busker::http {

// Any thread.
class SiteGuard {
 public:
  // `origins`: how this server is called, "http://127.0.0.1:8321", in small letters and without a
  // port that goes without saying; the first is the one of links.
  explicit SiteGuard(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  const std::string& origin() const { return origins_.front(); }

  // What any request has to be: nullopt, or the answer that says no.
  std::optional<Response> Refuse(const Request& request) const;

  // nullopt, or the answer that says no to a request that changes something.
  std::optional<Response> RefuseChange(const Request& request) const;

  // That of ours which the Host header names; empty: it names none.
  std::string_view OriginOf(const Request& request) const;

 private:
  bool IsOurs(std::string_view origin) const;

  const std::vector<std::string> origins_;
};

}  // namespace busker::http
