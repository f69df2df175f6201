#include "http/listener.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "base/check.h"
#include "http/event_queue.h"
#include "http/problem.h"
#include "http/request_reader.h"
#include "http/response_text.h"

namespace busker::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::seconds;

constexpr std::size_t kConnectionsMax = 4096;
constexpr int kJobsMax = 256;
constexpr std::size_t kWorkers = 4;  // of each kind
constexpr auto kHandshakeMax = seconds(10), kSilenceMax = seconds(60),
               kSilenceMaxWhenFull = seconds(5), kHeaderMax = seconds(10), kBodyMax = seconds(60),
               kWriteMax = seconds(30), kHeartbeat = seconds(15), kGoodbyeMax = seconds(1);
constexpr std::size_t kReadBytes = 4 << 10, kWriteBytes = 16 << 10, kUnreadBytesMax = 4 << 20;

using Token = asio::redirect_error_t<asio::use_awaitable_t<>>;

// What a library throws in a handler ends that request, not the daemon.
Response Answered(const Listener::Answer& answer, const Request& request) {
  try {
    return answer(request);
  } catch (const std::exception&) {
    return Problem(500, "Busker could not answer this; that is a fault of its own");
  }
}

// Those that run programs and keep the record need files, too.
std::size_t ConnectionsMax() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kConnectionsMax;
  return std::min<std::size_t>(kConnectionsMax, limit.rlim_cur / 2);
}

// The bytes of one connection, as they are before or behind TLS. TLS reads and writes the socket
// itself and says what it waits for, so that a connection that waits holds no buffers. What cannot
// go on returns false: an error, the end, or a limit that has passed.
class Wire {
 public:
  Wire(tcp::socket socket, Certificate* certificate)
      : line_(std::make_shared<Line>(std::move(socket))), limit_(line_->socket.get_executor()) {
    error_code ignored;
    line_->socket.set_option(tcp::no_delay(true), ignored);  // what is written is whole
    if (certificate == nullptr) return;
    line_->socket.non_blocking(true, ignored);
    tls_.reset(certificate->NewSession(Now()));
    CHECK(SSL_set_fd(tls_.get(), line_->socket.native_handle()) == 1, "a socket is for TLS, too");
    SSL_set_accept_state(tls_.get());
  }

  std::string Peer() const {
    error_code error;
    const tcp::endpoint endpoint = line_->socket.remote_endpoint(error);
    return error ? std::string() : endpoint.address().to_string();
  }

  // For all that follows, until the next or Unlimit. The socket is not closed then: its number
  // could be that of another connection when it is next used.
  void Limit(seconds limit) {
    limit_.expires_after(limit);
    limit_.async_wait([line = line_](const error_code& error) {
      if (error) return;
      error_code ignored;
      line->passed = true;
      line->socket.shutdown(tcp::socket::shutdown_both, ignored);
      line->socket.cancel(ignored);
    });
  }

  void Unlimit() { limit_.cancel(); }

  asio::awaitable<bool> ShakeHands();
  asio::awaitable<bool> Read(std::string& bytes);  // some, in place of those that it has
  asio::awaitable<bool> Write(const std::string& bytes);
  // Says that no more comes. With `unread`, what still comes is waited for a little: a socket that
  // is closed before it was read to its end takes back what was written.
  asio::awaitable<void> Close(bool unread);

 private:
  struct Line {
    explicit Line(tcp::socket taken) : socket(std::move(taken)) {}
    tcp::socket socket;
    bool passed = false;  // the limit
  };
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };

  asio::awaitable<bool> Wait(int result);

  const std::shared_ptr<Line> line_;
  asio::steady_timer limit_;
  std::unique_ptr<SSL, Free> tls_;
  bool broken_ = false;  // TLS is
};

// After a call of TLS that did not succeed: true when it is to be called again.
asio::awaitable<bool> Wire::Wait(int result) {
  const int why = SSL_get_error(tls_.get(), result);
  ERR_clear_error();
  if (line_->passed || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)) {
    broken_ = why != SSL_ERROR_ZERO_RETURN;
    co_return false;
  }
  error_code error;
  Token token(asio::use_awaitable, error);
  const auto what = why == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write;
  co_await line_->socket.async_wait(what, token);
  co_return !error && !line_->passed;
}

asio::awaitable<bool> Wire::ShakeHands() {
  if (!tls_) co_return true;
  for (;;) {
    const int done = SSL_do_handshake(tls_.get());
    if (done == 1) co_return true;
    const bool again = co_await Wait(done);
    if (!again) co_return false;
  }
}

asio::awaitable<bool> Wire::Read(std::string& bytes) {
  bytes.resize(kReadBytes);
  if (!tls_) {
    error_code error;
    Token token(asio::use_awaitable, error);
    const asio::mutable_buffer room(bytes.data(), bytes.size());
    const std::size_t count = co_await line_->socket.async_read_some(room, token);
    bytes.resize(count);
    co_return !error;
  }
  for (;;) {
    const int count = SSL_read(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (count > 0) {
      bytes.resize(static_cast<std::size_t>(count));
      co_return true;
    }
    const bool again = co_await Wait(count);
    if (!again) co_return false;
  }
}

asio::awaitable<bool> Wire::Write(const std::string& bytes) {
  Limit(kWriteMax);
  if (!tls_) {
    error_code error;
    Token token(asio::use_awaitable, error);
    const auto buffer = asio::buffer(bytes);
    co_await asio::async_write(line_->socket, buffer, token);
    co_return !error;
  }
  for (std::size_t at = 0; at < bytes.size();) {
    const auto left = static_cast<int>(std::min(bytes.size() - at, kWriteBytes));
    const int count = SSL_write(tls_.get(), bytes.data() + at, left);
    if (count > 0) {
      at += static_cast<std::size_t>(count);
      continue;
    }
    const bool again = co_await Wait(count);
    if (!again) co_return false;
  }
  co_return true;
}

asio::awaitable<void> Wire::Close(bool unread) {
  if (line_->passed) co_return;
  Limit(kGoodbyeMax);
  if (tls_ && !broken_)
    SSL_shutdown(tls_.get());  // says so; whether that is heard is not waited for
  ERR_clear_error();
  error_code error;
  Token token(asio::use_awaitable, error);
  line_->socket.shutdown(tcp::socket::shutdown_send, error);
  std::string bytes(kReadBytes, '\0');
  const asio::mutable_buffer room(bytes.data(), bytes.size());
  for (std::size_t count = 0; unread && !error && count < kUnreadBytesMax;) {
    count += co_await line_->socket.async_read_some(room, token);
  }
}

}  // namespace

struct Listener::State {
  Answer answer;
  Certificate* certificate = nullptr;
  std::size_t connections_max = ConnectionsMax();
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  struct Workers {
    asio::thread_pool threads{kWorkers};
    std::atomic<int> jobs = 0;
  };
  Workers lookers, changers;
  std::size_t connections = 0;  // of the one thread of `context`, as all below
  bool ending = false;
  std::vector<std::weak_ptr<EventQueue>> watched;  // whose news wake a connection
  std::thread thread;

  // An answer that a worker makes while the connection waits.
  struct Pending {
    explicit Pending(asio::io_context& context)
        : done(context, asio::steady_timer::time_point::max()) {}
    asio::steady_timer done;
    Response response;
  };

  asio::awaitable<void> Accept();
  asio::awaitable<void> Serve(tcp::socket socket);
  asio::awaitable<bool> ServeOne(Wire& wire, RequestReader& reader, const std::string& peer);
  asio::awaitable<int> Read(Wire& wire, RequestReader& reader);
  asio::awaitable<Response> Ask(Request request);
  asio::awaitable<void> WriteEvents(Wire& wire, const Response& response);
  seconds SilenceMax() const {
    return connections > connections_max / 4 * 3 ? kSilenceMaxWhenFull : kSilenceMax;
  }
};

asio::awaitable<void> Listener::State::Accept() {
  for (;;) {
    error_code error;
    Token token(asio::use_awaitable, error);
    tcp::socket socket = co_await acceptor.async_accept(token);
    if (ending) co_return;
    if (error) {  // out of descriptors, most likely: who knocks goes on doing so
      asio::steady_timer pause(context, std::chrono::milliseconds(100));
      co_await pause.async_wait(token);
      continue;
    }
    if (connections >= connections_max) continue;  // and the socket closes
    ++connections;
    asio::awaitable<void> serving = Serve(std::move(socket));
    asio::co_spawn(context, std::move(serving), asio::detached);
  }
}

asio::awaitable<void> Listener::State::Serve(tcp::socket socket) {
  Wire wire(std::move(socket), certificate);
  const std::string peer = wire.Peer();
  wire.Limit(kHandshakeMax);
  const bool begun = co_await wire.ShakeHands();
  if (begun) {
    RequestReader reader;
    for (bool more = true; more && !ending;) {
      more = co_await ServeOne(wire, reader, peer);
    }
    const bool unread = reader.stage() != RequestReader::Stage::kNothing;
    co_await wire.Close(unread);
  }
  --connections;
}

// The next request and its answer; false: the connection is to be closed.
asio::awaitable<bool> Listener::State::ServeOne(Wire& wire, RequestReader& reader,
                                                const std::string& peer) {
  const int fault = co_await Read(wire, reader);
  if (fault < 0) co_return false;
  if (fault > 0) {
    const Response refusal = Problem(fault, "this is no request that Busker takes");
    const std::string text = ResponseText(refusal, Body::kSent, false);
    co_await wire.Write(text);
    co_return false;
  }
  Request request = reader.Take();
  request.peer = peer;
  const bool keep_alive = reader.keep_alive();
  const Body body = request.method == Method::kHead ? Body::kLeftOut : Body::kSent;
  wire.Unlimit();  // an answer takes as long as it takes
  const Response response = co_await Ask(std::move(request));
  if (response.events && body == Body::kSent) {
    co_await WriteEvents(wire, response);
    co_return false;
  }
  const std::string text = ResponseText(response, body, keep_alive);
  const bool written = co_await wire.Write(text);
  co_return written&& keep_alive;
}

// 0: the reader holds a request; less: there is none to come; else the status that refuses it.
asio::awaitable<int> Listener::State::Read(Wire& wire, RequestReader& reader) {
  using Stage = RequestReader::Stage;
  std::string bytes;
  std::optional<Stage> limited;  // the stage that the limit is for: all of it, not each part
  for (;;) {
    const Stage stage = reader.stage();
    if (stage == Stage::kRequest) co_return 0;
    if (stage == Stage::kRefused) co_return reader.fault();
    if (stage != limited) {
      wire.Limit(stage == Stage::kNothing ? SilenceMax()
                 : stage == Stage::kHead  ? kHeaderMax
                                          : kBodyMax);
      limited = stage;
    }
    const bool more = co_await wire.Read(bytes);
    if (!more) co_return -1;
    reader.Add(bytes);
  }
}

asio::awaitable<Response> Listener::State::Ask(Request request) {
  Workers& workers = OnlyLooks(request.method) ? lookers : changers;
  if (workers.jobs.fetch_add(1) >= kJobsMax) {
    --workers.jobs;
    Response busy = Problem(503, "Busker answers 256 requests already; try again");
    co_return busy;
  }
  auto pending = std::make_shared<Pending>(context);
  auto job = [this, pending, &workers, asked = std::make_shared<Request>(std::move(request))] {
    auto made = std::make_shared<Response>(Answered(answer, *asked));
    --workers.jobs;
    asio::post(context, [pending, made] {
      pending->response = std::move(*made);
      pending->done.cancel();
    });
  };
  asio::post(workers.threads, std::move(job));
  error_code error;
  Token token(asio::use_awaitable, error);
  co_await pending->done.async_wait(token);
  Response response = std::move(pending->response);
  co_return response;
}

// Until the viewer goes, is too slow, or this server ends.
asio::awaitable<void> Listener::State::WriteEvents(Wire& wire, const Response& response) {
  const std::string head = ResponseText(response, Body::kEvents, false);
  bool written = co_await wire.Write(head);
  auto news = std::make_shared<asio::steady_timer>(context);
  const std::shared_ptr<EventQueue> events = response.events;
  std::erase_if(watched, [](const auto& queue) { return queue.expired(); });
  watched.push_back(events);
  events->OnNews([this, news] { asio::post(context, [news] { news->cancel(); }); });
  const std::string heartbeat = ": still here\n\n";
  while (written && !ending && !events->closed()) {
    const EventQueue::Event event = events->Pop();
    if (!event) {
      // What comes between the look and the wait has posted its wake, which is dealt with after.
      news->expires_after(kHeartbeat);
      error_code woken;
      Token wait(asio::use_awaitable, woken);
      co_await news->async_wait(wait);
      if (woken) continue;
    }
    const std::string& text = event ? *event : heartbeat;
    written = co_await wire.Write(text);
  }
  events->OnNews({});
}

Result<std::unique_ptr<Listener>> Listener::Bind(const Options& options) {
  error_code error;
  const auto ip = asio::ip::make_address(options.address, error);
  if (error) return Invalid("\"" + options.address + "\" is no IP address, as 127.0.0.1 is");
  if (!ip.is_loopback() && options.certificate == nullptr && !options.insecure) {
    return Unusable(options.address + " can be reached by others, and there is no certificate");
  }
  auto state = std::make_unique<State>();
  state->certificate = options.certificate;
  const tcp::endpoint endpoint(ip, options.port);
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    const std::string message = "listen on " + options.address + " port " +
                                std::to_string(options.port) + ": " + error.message();
    return error == asio::error::address_in_use ? Temporary(message) : Failed(message);
  }
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

void Listener::Run(Answer answer) {
  state_->answer = std::move(answer);
  asio::co_spawn(state_->context, state_->Accept(), asio::detached);
  state_->thread = std::thread([raw = state_.get()] {
    // OpenSSL writes to sockets that the other side may have closed.
    sigset_t broken;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken, nullptr);
    raw->context.run();
  });
}

Listener::Listener(std::unique_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  state_->lookers.threads.join();  // their answers go to the context, which still runs
  state_->changers.threads.join();
  asio::post(state_->context, [raw = state_.get()] {
    raw->ending = true;
    raw->context.stop();
  });
  if (state_->thread.joinable()) state_->thread.join();
  for (const auto& queue : state_->watched) {  // who has news goes on, and is to wake nobody here
    if (const auto events = queue.lock()) events->OnNews({});
  }
}

std::uint16_t Listener::port() const {
  error_code error;
  return state_->acceptor.local_endpoint(error).port();
}

}  // namespace busker::http
