#include "serve/listener.h"

#include <openssl/ssl.h>
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
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <thread>

#include "serve/live.h"
#include "serve/problem.h"
#include "serve/request_reader.h"
#include "serve/response_text.h"

namespace busker::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::seconds;

constexpr std::size_t kConnectionsMax = 4096;
constexpr int kJobsMax = 256;
constexpr std::size_t kWorkers = 4;
constexpr auto kHandshakeMax = seconds(10), kSilenceMax = seconds(60),
               kSilenceMaxWhenFull = seconds(5), kHeaderMax = seconds(10), kBodyMax = seconds(60),
               kWriteMax = seconds(30), kHeartbeat = seconds(15), kGoodbyeMax = seconds(1);
constexpr std::size_t kReadBytes = 4 << 10, kUnreadBytesMax = 4 << 20;

using Token = asio::redirect_error_t<asio::use_awaitable_t<>>;
using Tls = asio::ssl::stream<beast::tcp_stream&>;

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

// The bytes of one connection, as they are before or behind TLS. Of errors a limit that has passed
// is beast::error::timeout.
class Wire {
 public:
  Wire(tcp::socket socket, Certificate* certificate) : tcp_(std::move(socket)) {
    if (certificate != nullptr) tls_.emplace(tcp_, certificate->NewSession(Now()));
  }

  std::string Peer() {
    error_code error;
    const tcp::endpoint endpoint = tcp_.socket().remote_endpoint(error);
    return error ? std::string() : endpoint.address().to_string();
  }
  void Limit(seconds limit) { tcp_.expires_after(limit); }  // for what follows, until the next

  asio::awaitable<error_code> ShakeHands();
  asio::awaitable<error_code> Read(std::string& bytes);  // some, in place of those that it has
  asio::awaitable<error_code> Write(const std::string& bytes);
  // Says that no more comes. With `unread`, what still comes is waited for a little: a socket that
  // is closed before it was read to its end takes back what was written.
  asio::awaitable<void> Close(bool unread);

 private:
  beast::tcp_stream tcp_;
  std::optional<Tls> tls_;
};

asio::awaitable<error_code> Wire::ShakeHands() {
  error_code error;
  if (!tls_) co_return error;
  Token token(asio::use_awaitable, error);
  co_await tls_->async_handshake(asio::ssl::stream_base::server, token);
  co_return error;
}

asio::awaitable<error_code> Wire::Read(std::string& bytes) {
  error_code error;
  Token token(asio::use_awaitable, error);
  bytes.resize(kReadBytes);
  const asio::mutable_buffer room(bytes.data(), bytes.size());
  std::size_t count = 0;
  if (tls_) {
    count = co_await tls_->async_read_some(room, token);
  } else {
    count = co_await tcp_.async_read_some(room, token);
  }
  bytes.resize(count);
  co_return error;
}

asio::awaitable<error_code> Wire::Write(const std::string& bytes) {
  error_code error;
  Token token(asio::use_awaitable, error);
  const auto buffer = asio::buffer(bytes);
  Limit(kWriteMax);
  if (tls_) {
    co_await asio::async_write(*tls_, buffer, token);
  } else {
    co_await asio::async_write(tcp_, buffer, token);
  }
  co_return error;
}

asio::awaitable<void> Wire::Close(bool unread) {
  error_code error;
  Token token(asio::use_awaitable, error);
  Limit(kGoodbyeMax);
  if (tls_ && SSL_is_init_finished(tls_->native_handle()) == 1) {
    // Its own answer is not waited for; a second call would.
    SSL_set_shutdown(tls_->native_handle(), SSL_RECEIVED_SHUTDOWN);
    co_await tls_->async_shutdown(token);
  }
  error_code ignored;
  tcp_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  std::string bytes(kReadBytes, '\0');
  const asio::mutable_buffer room(bytes.data(), bytes.size());
  error.clear();
  for (std::size_t count = 0; unread && !error && count < kUnreadBytesMax;) {
    count += co_await tcp_.async_read_some(room, token);
  }
  tcp_.socket().shutdown(tcp::socket::shutdown_both, ignored);
}

}  // namespace

struct Listener::State {
  Answer answer;
  Certificate* certificate = nullptr;
  std::size_t connections_max = ConnectionsMax();
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  asio::thread_pool workers{kWorkers};
  std::atomic<int> jobs = 0;
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
  const error_code error = co_await wire.ShakeHands();
  if (!error) {
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
  const Response response = co_await Ask(std::move(request));
  if (response.events && body == Body::kSent) {
    co_await WriteEvents(wire, response);
    co_return false;
  }
  const std::string text = ResponseText(response, body, keep_alive);
  const error_code error = co_await wire.Write(text);
  co_return !error && keep_alive;
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
    const error_code error = co_await wire.Read(bytes);
    if (error) co_return -1;
    reader.Add(bytes);
  }
}

asio::awaitable<Response> Listener::State::Ask(Request request) {
  if (jobs.fetch_add(1) >= kJobsMax) {
    --jobs;
    Response busy = Problem(503, "Busker answers 256 requests already; try again");
    co_return busy;
  }
  auto pending = std::make_shared<Pending>(context);
  auto job = [this, pending, asked = std::make_shared<Request>(std::move(request))] {
    auto made = std::make_shared<Response>(Answered(answer, *asked));
    --jobs;
    asio::post(context, [pending, made] {
      pending->response = std::move(*made);
      pending->done.cancel();
    });
  };
  asio::post(workers, std::move(job));
  error_code error;
  Token token(asio::use_awaitable, error);
  co_await pending->done.async_wait(token);
  Response response = std::move(pending->response);
  co_return response;
}

// Until the viewer goes, is too slow, or this server ends.
asio::awaitable<void> Listener::State::WriteEvents(Wire& wire, const Response& response) {
  const std::string head = ResponseText(response, Body::kEvents, false);
  error_code error = co_await wire.Write(head);
  auto news = std::make_shared<asio::steady_timer>(context);
  const std::shared_ptr<EventQueue> events = response.events;
  std::erase_if(watched, [](const auto& queue) { return queue.expired(); });
  watched.push_back(events);
  events->OnNews([this, news] { asio::post(context, [news] { news->cancel(); }); });
  const std::string heartbeat = ": still here\n\n";
  while (!error && !ending && !events->closed()) {
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
    error = co_await wire.Write(text);
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
  state_->thread = std::thread([raw = state_.get()] { raw->context.run(); });
}

Listener::Listener(std::unique_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  state_->workers.join();  // their answers go to the context, which still runs
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

}  // namespace busker::serve
