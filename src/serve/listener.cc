#include "serve/listener.h"

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
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "serve/live.h"
#include "serve/problem.h"

namespace busker::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::seconds;

constexpr std::size_t kConnectionsMax = 1024;
constexpr std::uint32_t kHeaderBytesMax = 16 << 10;
constexpr std::uint64_t kBodyBytesMax = 1 << 20;
constexpr std::size_t kFieldsMax = 100;
constexpr int kJobsMax = 256;
constexpr std::size_t kWorkers = 4;
constexpr auto kSilenceMax = seconds(60), kHeaderMax = seconds(10), kBodyMax = seconds(60),
               kWriteMax = seconds(30), kHeartbeat = seconds(15);

constexpr char kSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
    "'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

using Parser = http::request_parser<http::string_body>;
using Token = asio::redirect_error_t<asio::use_awaitable_t<>>;

Method MethodOf(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    case http::verb::delete_:
      return Method::kDelete;
    default:
      return Method::kOther;
  }
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

Request RequestFrom(const Parser& parser, const std::string& peer) {
  const auto& message = parser.get();
  Request request;
  request.method = MethodOf(message.method());
  request.target = std::string(message.target());
  request.body = message.body();
  request.peer = peer;
  for (const auto& field : message) {
    std::string name = LowerCase(field.name_string());
    if (!request.headers.emplace(name, std::string(field.value())).second) {
      request.repeated.push_back(std::move(name));
    }
  }
  return request;
}

// What a header says that no request may; 0: nothing.
int FaultOf(const Parser& parser) {
  const auto& message = parser.get();
  const auto fields = static_cast<std::size_t>(std::distance(message.begin(), message.end()));
  if (fields > kFieldsMax) return 431;
  const bool chunked = message.count(http::field::transfer_encoding) > 0;
  if (message.count(http::field::content_length) > (chunked ? 0u : 1u)) return 400;
  return 0;
}

// A line that ends in one of CR and LF alone, or goes on in the next; a NUL.
bool HasOddLines(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const char next = i + 1 < head.size() ? head[i + 1] : '\n';  // what is still to come is well
    if (head[i] == '\0' || (head[i] == '\r' && next != '\n')) return true;
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) return true;
    if (head[i] == '\n' && i + 1 < head.size() && (next == ' ' || next == '\t')) return true;
  }
  return false;
}

int StatusOf(const error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == beast::error::timeout) return 408;
  return 400;
}

// What a library throws in a handler ends that request, not the daemon.
Response Answered(const Listener::Answer& answer, const Request& request) {
  try {
    return answer(request);
  } catch (const std::exception&) {
    return Problem(500, "Busker could not answer this; that is a fault of its own");
  }
}

template <typename Message>
void AddHeaders(Message& message, const Response& response) {
  message.set(http::field::server, "busker");
  message.set("Content-Security-Policy", kSecurityPolicy);
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Referrer-Policy", "no-referrer");
  message.set("Cross-Origin-Opener-Policy", "same-origin");
  message.set("Cross-Origin-Resource-Policy", "same-origin");
  message.set(http::field::cache_control, "no-store");
  if (!response.type.empty()) message.set(http::field::content_type, response.type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
}

}  // namespace

struct Listener::State {
  Answer answer;
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
  asio::awaitable<bool> ServeOne(beast::tcp_stream& stream, beast::flat_buffer& buffer,
                                 const std::string& peer);
  asio::awaitable<int> Read(beast::tcp_stream& stream, beast::flat_buffer& buffer, Parser& parser);
  asio::awaitable<int> ReadHead(beast::tcp_stream& stream, beast::flat_buffer& buffer);
  asio::awaitable<Response> Ask(Request request);
  asio::awaitable<bool> Write(beast::tcp_stream& stream, const Response& response, bool is_head,
                              bool keep_alive);
  asio::awaitable<void> WriteEvents(beast::tcp_stream& stream, const Response& response);
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
    if (connections == kConnectionsMax) continue;  // and the socket closes
    ++connections;
    asio::awaitable<void> serving = Serve(std::move(socket));
    asio::co_spawn(context, std::move(serving), asio::detached);
  }
}

asio::awaitable<void> Listener::State::Serve(tcp::socket socket) {
  error_code error;
  const tcp::endpoint endpoint = socket.remote_endpoint(error);
  const std::string peer = error ? std::string() : endpoint.address().to_string();
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(kHeaderBytesMax + kBodyBytesMax);
  for (bool more = true; more && !ending;) {
    more = co_await ServeOne(stream, buffer, peer);
  }
  stream.socket().shutdown(tcp::socket::shutdown_both, error);
  --connections;
}

// The next request and its answer; false: the connection is to be closed.
asio::awaitable<bool> Listener::State::ServeOne(beast::tcp_stream& stream,
                                                beast::flat_buffer& buffer,
                                                const std::string& peer) {
  Parser parser;
  const int fault = co_await Read(stream, buffer, parser);
  if (fault < 0) co_return false;
  if (fault > 0) {
    const Response refusal = Problem(fault, "this is no request that Busker takes");
    co_await Write(stream, refusal, false, false);
    co_return false;
  }
  const bool keep_alive = parser.get().keep_alive();
  const bool is_head = parser.get().method() == http::verb::head;
  Request request = RequestFrom(parser, peer);
  const Response response = co_await Ask(std::move(request));
  if (response.events && !is_head) {
    co_await WriteEvents(stream, response);
    co_return false;
  }
  const bool written = co_await Write(stream, response, is_head, keep_alive);
  co_return written&& keep_alive;
}

// 0: the parser holds a request; less: there is none to come; else the status that refuses it.
asio::awaitable<int> Listener::State::Read(beast::tcp_stream& stream, beast::flat_buffer& buffer,
                                           Parser& parser) {
  error_code error;
  Token token(asio::use_awaitable, error);
  const int fault = co_await ReadHead(stream, buffer);
  if (fault != 0) co_return fault;
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(kBodyBytesMax);
  const std::size_t parsed = parser.put(buffer.data(), error);
  if (error && error != http::error::need_more) co_return StatusOf(error);
  buffer.consume(parsed);
  if (!parser.is_header_done()) co_return 400;
  if (const int refused = FaultOf(parser)) co_return refused;
  if (parser.is_done()) co_return 0;
  stream.expires_after(kBodyMax);
  co_await http::async_read(stream, buffer, parser, token);
  co_return error ? StatusOf(error) : 0;
}

// Until the buffer begins with a whole head. The parser takes line ends and folds that proxies
// understand in other ways, so these are looked for before it sees them.
asio::awaitable<int> Listener::State::ReadHead(beast::tcp_stream& stream,
                                               beast::flat_buffer& buffer) {
  error_code error;
  Token token(asio::use_awaitable, error);
  stream.expires_after(kSilenceMax);
  for (bool begun = buffer.size() > 0;; begun = true) {
    const auto bytes = buffer.cdata();
    const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t end = text.find("\r\n\r\n");
    if (HasOddLines(text.substr(0, end))) co_return 400;
    if (std::min(end, text.size()) > kHeaderBytesMax) co_return 431;
    if (end != std::string_view::npos) co_return 0;
    const auto room = buffer.prepare(4096);
    const std::size_t count = co_await stream.async_read_some(room, token);
    if (error == beast::error::timeout && begun) co_return 408;
    if (error) co_return -1;
    buffer.commit(count);
    if (!begun) stream.expires_after(kHeaderMax);  // for all of it, not for each part
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

asio::awaitable<bool> Listener::State::Write(beast::tcp_stream& stream, const Response& response,
                                             bool is_head, bool keep_alive) {
  error_code error;
  Token token(asio::use_awaitable, error);
  stream.expires_after(kWriteMax);
  const auto status = static_cast<unsigned>(response.status);
  if (is_head) {
    http::response<http::empty_body> message;
    message.result(status);
    AddHeaders(message, response);
    message.content_length(response.body.size());
    message.keep_alive(keep_alive);
    co_await http::async_write(stream, message, token);
  } else {
    http::response<http::string_body> message;
    message.result(status);
    AddHeaders(message, response);
    message.body() = response.body;
    message.prepare_payload();
    message.keep_alive(keep_alive);
    co_await http::async_write(stream, message, token);
  }
  co_return !error;
}

// Until the viewer goes, is too slow, or this server ends.
asio::awaitable<void> Listener::State::WriteEvents(beast::tcp_stream& stream,
                                                   const Response& response) {
  error_code error;
  Token token(asio::use_awaitable, error);
  http::response<http::empty_body> head;
  AddHeaders(head, response);
  head.keep_alive(false);
  http::response_serializer<http::empty_body> serializer(head);
  stream.expires_after(kWriteMax);
  co_await http::async_write_header(stream, serializer, token);
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
    const auto bytes = asio::buffer(text);
    stream.expires_after(kWriteMax);
    co_await asio::async_write(stream, bytes, token);
  }
  events->OnNews({});
}

Result<std::unique_ptr<Listener>> Listener::Bind(const std::string& address, std::uint16_t port) {
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error || !ip.is_loopback()) {
    return Invalid("Busker listens on a loopback address alone, as 127.0.0.1, and \"" + address +
                   "\" is none; let a proxy that has TLS stand before it");
  }
  auto state = std::make_unique<State>();
  const tcp::endpoint endpoint(ip, port);
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    const std::string message =
        "listen on " + address + " port " + std::to_string(port) + ": " + error.message();
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
