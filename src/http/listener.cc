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
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <thread>
#include <utility>

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

constexpr int kJobsMax = 256;
constexpr std::size_t kWorkers = 4;  // of each kind
constexpr auto kHandshakeMax = seconds(10), kSilenceMax = seconds(60),
               kSilenceMaxWhenFull = seconds(5), kHeaderMax = seconds(10), kBodyMax = seconds(60),
               kWriteMax = seconds(30), kHeartbeat = seconds(15), kGoodbyeMax = seconds(1);
constexpr std::size_t kReadBytes = 8 << 10, kWriteBytes = 16 << 10, kUnreadBytesMax = 4 << 20;

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
std::size_t WithFilesLeft(std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
  return std::min<std::size_t>(connections, limit.rlim_cur / 2);
}

std::string WhyRefused(int status, std::uint64_t body_bytes_max) {
  if (status == 413) return "the body has more than " + std::to_string(body_bytes_max) + " bytes";
  if (status == 503) return "others are sending as much as can be held at once; try again";
  return "this is not a request that Busker takes";
}

// The bytes of one connection, as they are before or behind TLS. TLS reads and writes the socket
// itself and says what it waits for, so that a connection that waits holds no buffers. What cannot
// go on returns false: an error, the end, or a limit that has passed.
class Wire {
 public:
  Wire(tcp::socket socket, Certificate* certificate)
      : line_(std::make_shared<Line>(std::move(socket))) {
    error_code ignored;
    line_->socket.set_option(tcp::no_delay(true), ignored);  // what is written is whole
    if (certificate == nullptr) return;
    line_->socket.non_blocking(true, ignored);
    tls_.reset(certificate->NewSession(Now()));
    CHECK(SSL_set_fd(tls_.get(), line_->socket.native_handle()) == 1, "a socket is for TLS, too");
    SSL_set_accept_state(tls_.get());
  }
  ~Wire() { line_->timer.cancel(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  std::string Peer() const {
    error_code error;
    const tcp::endpoint endpoint = line_->socket.remote_endpoint(error);
    return error ? std::string() : endpoint.address().to_string();
  }

  // For all that follows, until the next or Unlimit.
  void Limit(seconds limit) {
    line_->until = Clock::now() + limit;
    if (line_->until < line_->looks_at) Watch(line_);
  }

  void Unlimit() { line_->until = Clock::time_point::max(); }

  asio::awaitable<bool> ShakeHands();
  asio::awaitable<bool> Read(std::string& bytes);  // some, in place of those that it has
  asio::awaitable<bool> Write(const std::string& bytes);
  // Says that no more comes. With `unread`, what still comes is waited for a little: a socket that
  // is closed before it was read to its end takes back what was written.
  asio::awaitable<void> Close(bool unread);

 private:
  using Clock = asio::steady_timer::clock_type;

  struct Line {
    explicit Line(tcp::socket taken) : socket(std::move(taken)), timer(socket.get_executor()) {}
    tcp::socket socket;
    asio::steady_timer timer;
    Clock::time_point until = Clock::time_point::max(), looks_at = Clock::time_point::max();
    bool passed = false;  // the limit
  };
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };

  static void Watch(const std::shared_ptr<Line>& line);
  asio::awaitable<bool> Wait(int result);

  const std::shared_ptr<Line> line_;
  std::unique_ptr<SSL, Free> tls_;
  bool broken_ = false;  // TLS is
};

// Each request moves the limit on, which costs nothing: the timer goes off where the limit was, and
// is set again then. The socket is not closed when the limit has passed: its number could be that
// of another connection when it is next used.
void Wire::Watch(const std::shared_ptr<Line>& line) {
  line->looks_at = line->until;
  line->timer.expires_at(line->looks_at);
  line->timer.async_wait([line](const error_code& error) {
    if (error) return;
    line->looks_at = Clock::time_point::max();
    if (line->until == line->looks_at) return;
    if (Clock::now() < line->until) return Watch(line);
    error_code ignored;
    line->passed = true;
    line->socket.shutdown(tcp::socket::shutdown_both, ignored);
    line->socket.cancel(ignored);
  });
}

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
  std::size_t connections_max = 0;
  // Busy: a request has begun to come. Turned away: they are being told so.
  std::atomic<std::size_t> connections = 0, busy = 0, turned_away = 0;
  std::atomic<std::uint64_t> held = 0;  // bytes of bodies and answers
  std::atomic<bool> ending = false;
  // Of connections, beside `context`, which may hold a socket of theirs and so ends before them.
  std::vector<std::unique_ptr<asio::io_context>> contexts;
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  struct Workers {
    asio::thread_pool threads{kWorkers};
    std::atomic<int> jobs = 0;
  };
  std::unique_ptr<Workers> lookers, changers;  // nullptr: who reads answers
  std::size_t next_context = 0;
  bool for_programs = false;
  std::uint64_t body_bytes_max = 0, held_bytes_max = 0;
  seconds silence_max = kSilenceMax;
  std::vector<std::weak_ptr<EventQueue>> watched;  // whose news wake a connection
  std::vector<std::thread> threads;

  // An answer that a worker makes while the connection waits.
  struct Pending {
    explicit Pending(asio::io_context& context)
        : done(context, asio::steady_timer::time_point::max()) {}
    asio::steady_timer done;
    Response response;
  };

  // While it is on, an end waits for the connection.
  struct Busy {
    std::atomic<std::size_t>& count;
    bool on = false;
    void Begin() {
      if (!std::exchange(on, true)) ++count;
    }
    ~Busy() { count -= on ? 1 : 0; }
  };

  // What a connection has in memory, of a request and its answer.
  struct Holding {
    std::atomic<std::uint64_t>& held;
    std::uint64_t bytes = 0;
    // So much more; returns what all hold.
    std::uint64_t Add(std::uint64_t more) {
      bytes += more;
      return held += more;
    }
    ~Holding() { held -= bytes; }
  };

  asio::io_context& NextContext();
  asio::awaitable<void> Accept();
  asio::awaitable<void> TurnAway(tcp::socket socket);
  asio::awaitable<void> Serve(tcp::socket socket);
  asio::awaitable<bool> ServeOne(Wire& wire, RequestReader& reader, const std::string& peer);
  asio::awaitable<int> Read(Wire& wire, RequestReader& reader, Busy& is_busy, Holding& holding);
  std::string Refusal(int status, const std::string& what) const;
  asio::awaitable<Response> Ask(Request request);
  asio::awaitable<void> WriteEvents(Wire& wire, const Response& response);
  seconds SilenceMax() const {
    return connections > connections_max / 4 * 3 ? kSilenceMaxWhenFull : silence_max;
  }
};

asio::awaitable<void> Listener::State::Accept() {
  for (;;) {
    error_code error;
    Token token(asio::use_awaitable, error);
    asio::io_context& its = NextContext();
    tcp::socket socket = co_await acceptor.async_accept(its, token);
    if (ending) co_return;
    if (error) {  // out of descriptors, most likely: who knocks goes on doing so
      asio::steady_timer pause(context, std::chrono::milliseconds(100));
      co_await pause.async_wait(token);
      continue;
    }
    if (connections >= connections_max) {
      if (certificate != nullptr || turned_away > connections_max / 8) continue;  // it is closed
      ++turned_away;
      asio::awaitable<void> turning = TurnAway(std::move(socket));
      asio::co_spawn(its, std::move(turning), asio::detached);
      continue;
    }
    ++connections;
    asio::awaitable<void> serving = Serve(std::move(socket));
    asio::co_spawn(its, std::move(serving), asio::detached);
  }
}

// Who is one too many is told to try again.
asio::awaitable<void> Listener::State::TurnAway(tcp::socket socket) {
  Wire wire(std::move(socket), nullptr);
  const std::string text = Refusal(503, "there are as many connections as Busker takes; try again");
  co_await wire.Write(text);
  co_await wire.Close(true);
  --turned_away;
}

// In turn: a thread has as many connections as another.
asio::io_context& Listener::State::NextContext() {
  next_context = (next_context + 1) % (contexts.size() + 1);
  return next_context == 0 ? context : *contexts[next_context - 1];
}

asio::awaitable<void> Listener::State::Serve(tcp::socket socket) {
  Wire wire(std::move(socket), certificate);
  const std::string peer = wire.Peer();
  wire.Limit(kHandshakeMax);
  const bool begun = co_await wire.ShakeHands();
  if (begun) {
    RequestReader reader(body_bytes_max);
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
  Busy is_busy{busy};
  Holding holding{held};
  const int fault = co_await Read(wire, reader, is_busy, holding);
  if (fault < 0) co_return false;
  if (fault > 0) {
    const std::string text = Refusal(fault, WhyRefused(fault, body_bytes_max));
    co_await wire.Write(text);
    co_return false;
  }
  Request request = reader.Take();
  request.peer = peer;
  const Body body = request.method == Method::kHead ? Body::kLeftOut : Body::kSent;
  wire.Unlimit();  // an answer takes as long as it takes
  const Response response = co_await Ask(std::move(request));
  if (response.events && body == Body::kSent) {
    co_await WriteEvents(wire, response);
    co_return false;
  }
  const bool keep_alive = reader.keep_alive() && !ending;
  const std::string text = ResponseText(response, body, keep_alive, for_programs);
  holding.Add(text.size());
  const bool written = co_await wire.Write(text);
  co_return written&& keep_alive;
}

std::string Listener::State::Refusal(int status, const std::string& what) const {
  Response refusal = Problem(status, what);
  if (for_programs) {
    refusal.type = "application/json";
    refusal.body = "{\"error\": \"" + what + "\"}\n";
  }
  return ResponseText(refusal, Body::kSent, false, for_programs);
}

// 0: the reader holds a request; less: there is none to come; else the status that refuses it.
asio::awaitable<int> Listener::State::Read(Wire& wire, RequestReader& reader, Busy& is_busy,
                                           Holding& holding) {
  using Stage = RequestReader::Stage;
  std::string bytes;
  std::optional<Stage> limited;  // the stage that the limit is for: all of it, not each part
  for (;;) {
    const Stage stage = reader.stage();
    if (stage != Stage::kNothing) is_busy.Begin();
    if (stage == Stage::kRequest) co_return 0;
    if (stage == Stage::kRefused) co_return reader.fault();
    if (stage != limited) {
      wire.Limit(stage == Stage::kNothing ? SilenceMax()
                 : stage == Stage::kHead  ? kHeaderMax
                                          : kBodyMax);
      limited = stage;
    }
    if (reader.TakeWaitsToSend()) {
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      const bool told = co_await wire.Write(go_on);
      if (!told) co_return -1;
      wire.Limit(kBodyMax);
    }
    const bool more = co_await wire.Read(bytes);
    if (!more) co_return -1;
    reader.Add(bytes);
    if (stage == Stage::kBody && holding.Add(bytes.size()) > held_bytes_max) reader.Refuse(503);
  }
}

asio::awaitable<Response> Listener::State::Ask(Request request) {
  if (lookers == nullptr) {
    Response answered = Answered(answer, request);
    co_return answered;
  }
  Workers& workers = OnlyLooks(request.method) ? *lookers : *changers;
  if (workers.jobs.fetch_add(1) >= kJobsMax) {
    --workers.jobs;
    Response full = Problem(503, "Busker answers 256 requests already; try again");
    co_return full;
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
  if (error) return Invalid("\"" + options.address + "\" is not an IP address, as 127.0.0.1 is");
  if (!ip.is_loopback() && options.certificate == nullptr && !options.insecure) {
    return Unusable(options.address + " can be reached by others, and there is no certificate");
  }
  auto state = std::make_unique<State>();
  state->certificate = options.certificate;
  state->for_programs = options.for_programs;
  state->body_bytes_max = options.body_bytes_max;
  state->held_bytes_max = std::max(options.held_bytes_max, 4 * options.body_bytes_max);
  state->connections_max = WithFilesLeft(options.connections_max);
  state->silence_max = options.silence_max;
  if (options.answering_threads == 0) {
    state->lookers = std::make_unique<State::Workers>();
    state->changers = std::make_unique<State::Workers>();
  }
  for (std::size_t i = 1; i < options.answering_threads; ++i) {
    state->contexts.push_back(std::make_unique<asio::io_context>(1));
  }
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
  const auto run = [](asio::io_context& context) {
    // OpenSSL writes to sockets that the other side may have closed.
    sigset_t broken;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken, nullptr);
    const auto stays = asio::make_work_guard(context);
    context.run();
  };
  state_->threads.emplace_back(run, std::ref(state_->context));
  for (const auto& context : state_->contexts) {
    state_->threads.emplace_back(run, std::ref(*context));
  }
}

void Listener::Drain(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  state_->ending = true;
  asio::post(state_->context, [raw = state_.get()] {
    error_code ignored;
    raw->acceptor.close(ignored);
  });
  while (state_->busy > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Listener::Listener(std::unique_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  if (state_->lookers != nullptr) {
    state_->lookers->threads.join();  // their answers go to the context, which still runs
    state_->changers->threads.join();
  }
  asio::post(state_->context, [raw = state_.get()] {
    raw->ending = true;
    raw->context.stop();
  });
  for (const auto& context : state_->contexts) context->stop();
  for (std::thread& thread : state_->threads) thread.join();
  for (const auto& queue : state_->watched) {  // who has news goes on, and is to wake nobody here
    if (const auto events = queue.lock()) events->OnNews({});
  }
}

std::uint16_t Listener::port() const {
  error_code error;
  return state_->acceptor.local_endpoint(error).port();
}

}  // namespace busker::http
