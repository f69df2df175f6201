#include "io/curl_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "io/refused_address.h"

namespace busker::io {
namespace {

constexpr const char* kName = "libcurl.so.4";
constexpr std::string_view kRemedy = "; install Debian's package libcurl4";
constexpr unsigned kOldest = 0x075700;  // 7.87, the first with CURLOPT_QUICK_EXIT

template <typename Function>
bool Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Result<CurlLibrary> Load() {
  // By its name along the system's folders, as if it were linked.
  void* const library = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Unusable(std::string("open libcurl: ") + dlerror() + std::string(kRemedy));
  }
  CurlLibrary curl{};
  const char* missing = nullptr;
#define BUSKER_FIND(member)                                               \
  if (!Find(library, "curl_" #member, curl.member) && missing == nullptr) \
  missing =                                                               \
      "curl"                                                              \
      "_" #member
  BUSKER_FIND(global_init);
  BUSKER_FIND(version_info);
  BUSKER_FIND(slist_append);
  BUSKER_FIND(slist_free_all);
  BUSKER_FIND(easy_init);
  BUSKER_FIND(easy_setopt);
  BUSKER_FIND(easy_getinfo);
  BUSKER_FIND(easy_strerror);
  BUSKER_FIND(easy_cleanup);
  BUSKER_FIND(multi_init);
  BUSKER_FIND(multi_add_handle);
  BUSKER_FIND(multi_perform);
  BUSKER_FIND(multi_poll);
  BUSKER_FIND(multi_wakeup);
  BUSKER_FIND(multi_info_read);
  BUSKER_FIND(multi_remove_handle);
  BUSKER_FIND(multi_cleanup);
#undef BUSKER_FIND
  const bool usable =
      missing == nullptr && curl.version_info(CURLVERSION_NOW)->version_num >= kOldest;
  if (!usable || curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    dlclose(library);
    return Unusable(std::string(kName) + " is older than 7.87 or does not work" +
                    std::string(kRemedy));
  }
  return curl;
}

// With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, which OpenSSL can raise by writing to a
// server that hung up: held back from this thread, and taken out before it is let in again.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;
  ~NoPipeSignal() {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

}  // namespace

Result<const CurlLibrary*> OpenCurlLibrary() {
  // The one thing of its kind in the process: libcurl itself is initialised once.
  static std::mutex mutex;
  static CurlLibrary opened{};
  const std::lock_guard lock(mutex);
  if (opened.global_init == nullptr) {
    TRY_ASSIGN(opened, Load());
  }
  return &opened;
}

Result<std::unique_ptr<Transfer>> Transfer::Make(std::string origin) {
  TRY_ASSIGN(const CurlLibrary* curl, OpenCurlLibrary());
  CURL* const easy = curl->easy_init();
  CHECK(easy != nullptr, "libcurl makes a handle");
  return std::unique_ptr<Transfer>(new Transfer(*curl, easy, std::move(origin)));
}

Transfer::Transfer(const CurlLibrary& curl, CURL* easy, std::string origin)
    : curl_(curl), easy_(easy), origin_(std::move(origin)) {
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_QUICK_EXIT, 1L);  // a name server that hangs holds up no thread but its own
  Set(CURLOPT_FOLLOWLOCATION, 0L);
  Set(CURLOPT_SSL_VERIFYPEER, 1L);
  Set(CURLOPT_SSL_VERIFYHOST, 2L);
  Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  Set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  Set(CURLOPT_ERRORBUFFER, said_.data());
  Set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::OpenSocket);
  Set(CURLOPT_OPENSOCKETDATA, this);
}

Transfer::~Transfer() {
  curl_.easy_cleanup(easy_);
  for (const auto& [option, list] : lists_) curl_.slist_free_all(list);
}

void Transfer::Append(CURLoption option, const std::string& line) {
  for (auto& [owner, list] : lists_) {
    if (list != nullptr && owner != option) continue;
    curl_slist* const longer = curl_.slist_append(list, line.c_str());
    CHECK(longer != nullptr, "libcurl adds a line to a list");
    owner = option;
    list = longer;
    Set(option, list);
    return;
  }
  CHECK(false, "a transfer has a place for each of its lists");
}

curl_socket_t Transfer::OpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (IsRefusedAddress(&address->addr) ||
      (transfer.loopback_only_ && !IsLoopbackAddress(&address->addr))) {
    transfer.refused_ = FormatAddress(&address->addr);
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Result<void> Transfer::Run(const std::stop_token& stop, const bool& enough) {
  if (set_ != CURLE_OK) {
    return Failed(origin_ + ": libcurl does not take a setting: " + curl_.easy_strerror(set_));
  }
  TRY_ASSIGN(const CURLcode code, Perform(stop));
  if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && enough)) return {};
  return ErrorOf(code);
}

// By the multi interface, even for one transfer: it can be woken to be stopped.
Result<CURLcode> Transfer::Perform(const std::stop_token& stop) {
  const NoPipeSignal no_pipe_signal;
  CURLM* const multi = curl_.multi_init();
  CHECK(multi != nullptr, "libcurl makes a handle");
  curl_.multi_add_handle(multi, easy_);
  CURLMcode state = CURLM_OK;
  {
    const std::stop_callback wake(stop, [&] { curl_.multi_wakeup(multi); });
    int running = 1;
    while (running > 0 && state == CURLM_OK && !stop.stop_requested()) {
      state = curl_.multi_perform(multi, &running);
      constexpr int kPollMilliseconds = 1000;  // at most: its own timers wake libcurl earlier
      if (running > 0 && state == CURLM_OK) {
        state = curl_.multi_poll(multi, nullptr, 0, kPollMilliseconds, nullptr);
      }
    }
  }
  int left = 0;
  const CURLMsg* const message = curl_.multi_info_read(multi, &left);
  const bool ended = message != nullptr && message->msg == CURLMSG_DONE;
  const CURLcode code = ended ? message->data.result : CURLE_OK;
  curl_.multi_remove_handle(multi, easy_);
  curl_.multi_cleanup(multi);
  if (ended) return code;
  if (state == CURLM_OK) return Temporary(origin_ + ": stopped before the answer came");
  return Failed(origin_ + ": libcurl's loop failed");
}

tl::unexpected<Error> Transfer::ErrorOf(CURLcode code) const {
  if (!refused_.empty() && code == CURLE_COULDNT_CONNECT) {
    if (loopback_only_) {
      return Invalid(origin_ + " is " + refused_ + ", which is not this machine");
    }
    return Invalid(origin_ + " is " + refused_ +
                   ", a link-local or metadata address, to which nothing is sent");
  }
  const std::string said = said_[0] != '\0' ? said_.data() : curl_.easy_strerror(code);
  const std::string message = origin_ + ": " + Printable(Trim(said));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return TimedOut(message);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return Temporary(message);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Invalid(message);
    default:
      return Failed(message);
  }
}

long Transfer::ResponseCode() const {
  long code = 0;
  curl_.easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
  return code;
}

}  // namespace busker::io
