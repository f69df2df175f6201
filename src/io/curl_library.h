// The part of libcurl by which mail is sent, found in the shared library at its first use, for
// linking it would cost every start of the command line some milliseconds.
// Heavy: for .cc files only.
#pragma once

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <array>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"

namespace busker::io {

struct CurlLibrary {
  decltype(&curl_global_init) global_init;
  decltype(&curl_version_info) version_info;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_perform) multi_perform;
  decltype(&curl_multi_poll) multi_poll;
  decltype(&curl_multi_wakeup) multi_wakeup;
  decltype(&curl_multi_info_read) multi_info_read;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_cleanup) multi_cleanup;
};

// The library, opened and initialised at the first call and kept for the life of the process. Any
// thread. kUnusable, with the remedy, when it is missing or older than 7.87; tried anew each time.
Result<const CurlLibrary*> OpenCurlLibrary();

// One exchange with a server, on a handle of its own: used once, by one thread. Every transfer
// verifies TLS, reads no .netrc and never reaches a refused address.
class Transfer {
 public:
  // `origin` names the other side in messages.
  static Result<std::unique_ptr<Transfer>> Make(std::string origin);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  // A text is copied by libcurl, except for CURLOPT_POSTFIELDS. The first fault is told by Run.
  template <typename Value>
  void Set(CURLoption option, Value value) {
    if (const CURLcode code = curl_.easy_setopt(easy_, option, value); set_ == CURLE_OK)
      set_ = code;
  }
  void Set(CURLoption option, const std::string& text) { Set(option, text.c_str()); }
  void Append(CURLoption option, const std::string& line);  // to a list, such as of recipients

  void AllowLoopbackOnly() { loopback_only_ = true; }

  // Until done, failed, or `stop`, which is obeyed at once. CURLE_WRITE_ERROR counts as done when
  // `enough`: the writer wanted no more. kTemporary when the other side cannot be reached or hangs
  // up; kTimedOut; kInvalid for a refused address; kFailed when TLS cannot be trusted, and the
  // rest.
  Result<void> Run(const std::stop_token& stop, const bool& enough);

  long ResponseCode() const;

 private:
  Transfer(const CurlLibrary& curl, CURL* easy, std::string origin);
  static curl_socket_t OpenSocket(void* self, curlsocktype, curl_sockaddr* address);
  Result<CURLcode> Perform(const std::stop_token& stop);
  tl::unexpected<Error> ErrorOf(CURLcode code) const;

  const CurlLibrary& curl_;
  CURL* const easy_;
  const std::string origin_;
  CURLcode set_ = CURLE_OK;
  std::array<std::pair<CURLoption, curl_slist*>, 2> lists_{};
  std::array<char, CURL_ERROR_SIZE> said_{};
  bool loopback_only_ = false;
  std::string refused_;  // the address that was not called
};

}  // namespace busker::io
