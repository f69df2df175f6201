#include "http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace busker::http {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

using Parser = http::request_parser<http::string_body>;

constexpr std::string_view kHeadEnd = "\r\n\r\n";
// The last chunk is handed over whole: given a part of it and then one byte more, the parser of
// Boost 1.81 reports an internal error.
constexpr std::string_view kChunksEnd = "0\r\n\r\n";
// Of what the parser cannot do anything with yet: a line of a chunk, or the fields behind the last.
constexpr std::size_t kUnparsedBytesMax = kHeaderBytesMax;

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

// Of the head alone: fields that follow the last chunk are not what a header is.
Request RequestFrom(const Parser& parser) {
  const auto& message = parser.get();
  Request request;
  request.method = MethodOf(message.method());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    std::string name = LowerCase(field.name_string());
    if (!request.headers.emplace(name, std::string(field.value())).second) {
      request.repeated.push_back(std::move(name));
    }
  }
  return request;
}

bool IsNumber(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What a header says that no request may; 0: nothing.
int FaultOf(const Parser& parser) {
  const auto& message = parser.get();
  const auto fields = static_cast<std::size_t>(std::distance(message.begin(), message.end()));
  if (fields > kFieldsMax) return 431;
  const bool is_1_1 = message.version() == 11;
  if (!message.target().starts_with('/')) return 400;
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (is_1_1 && hosts == 0)) return 400;
  const auto codings = message.count(http::field::transfer_encoding);
  const auto lengths = message.count(http::field::content_length);
  if (codings + lengths > 1) return 400;
  if (codings == 1) {
    const std::string coding = LowerCase(message[http::field::transfer_encoding]);
    if (coding != "chunked" || !is_1_1) return 400;
  }
  return lengths == 0 || IsNumber(message[http::field::content_length]) ? 0 : 400;
}

// Whether a line ends at `i` in one of CR and LF alone, or goes on in the next; or a NUL is there.
// `text` goes on far enough to tell.
bool IsOdd(std::string_view text, std::size_t i) {
  const char next = text[i + 1];
  if (text[i] == '\r') return next != '\n';
  if (text[i] == '\n') return i == 0 || text[i - 1] != '\r' || next == ' ' || next == '\t';
  return text[i] == '\0';
}

int StatusOf(const error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

}  // namespace

struct RequestReader::State {
  std::uint64_t body_bytes_max = 0;
  Stage stage = Stage::kNothing;
  int fault = 0;
  bool waits_to_send = false;
  bool keep_alive = false;        // of the request that is read
  bool taken_keep_alive = false;  // of the one that was taken last
  std::string bytes;              // that came, and are not parsed yet
  std::size_t looked = 0;         // so many of a head were looked at
  std::optional<Parser> parser;
  Request request;

  void Refuse(int status) {
    stage = Stage::kRefused;
    fault = status;
    bytes = {};
    request = {};
    parser.reset();
  }
  void GoOn();
  void LookAtHead();
  void ParseHead();
  void ParseBody();
};

void RequestReader::State::GoOn() {
  if (stage == Stage::kNothing && !bytes.empty()) stage = Stage::kHead;
  if (stage == Stage::kHead) LookAtHead();
  if (stage == Stage::kBody) ParseBody();
}

// The parser takes line ends and folds that proxies understand in other ways, so these are looked
// for before it sees them.
void RequestReader::State::LookAtHead() {
  const std::string_view head = std::string_view(bytes).substr(0, kHeaderBytesMax);
  const std::size_t end = head.find(kHeadEnd, looked < 3 ? 0 : looked - 3);
  const bool whole = end != std::string_view::npos;
  const std::size_t until = whole ? end + 2 : head.size() - 1;
  for (; looked < until; ++looked) {
    if (IsOdd(head, looked)) return Refuse(400);
  }
  if (whole) return ParseHead();
  if (bytes.size() >= kHeaderBytesMax) Refuse(431);
}

void RequestReader::State::ParseHead() {
  error_code error;
  parser.emplace();
  parser->header_limit(kHeaderBytesMax);
  parser->body_limit(body_bytes_max);
  const std::size_t parsed = parser->put(asio::buffer(bytes), error);
  if (error && error != http::error::need_more) return Refuse(StatusOf(error));
  if (!parser->is_header_done()) return Refuse(400);
  if (const int status = FaultOf(*parser)) return Refuse(status);
  bytes.erase(0, parsed);
  looked = 0;
  keep_alive = parser->get().version() == 11 && parser->keep_alive();
  request = RequestFrom(*parser);
  waits_to_send = LowerCase(request.Header("expect")) == "100-continue";
  parser->eager(true);
  stage = Stage::kBody;
}

void RequestReader::State::ParseBody() {
  while (!parser->is_done()) {
    if (bytes.size() < (parser->chunked() ? kChunksEnd.size() : 1)) return;
    error_code error;
    const std::size_t parsed = parser->put(asio::buffer(bytes), error);
    bytes.erase(0, parsed);
    if (error == http::error::need_more) {
      if (bytes.size() > kUnparsedBytesMax) Refuse(400);
      return;
    }
    if (error) return Refuse(StatusOf(error));
  }
  request.body = std::move(parser->get().body());
  parser.reset();
  stage = Stage::kRequest;
}

RequestReader::RequestReader(std::uint64_t body_bytes_max) : state_(std::make_unique<State>()) {
  state_->body_bytes_max = body_bytes_max;
}

RequestReader::~RequestReader() = default;

RequestReader::Stage RequestReader::Add(std::string_view bytes) {
  if (state_->stage == Stage::kRefused) return state_->stage;
  state_->bytes.append(bytes);
  state_->GoOn();
  return state_->stage;
}

RequestReader::Stage RequestReader::stage() const { return state_->stage; }

Request RequestReader::Take() {
  CHECK(state_->stage == Stage::kRequest, "there is a request to take");
  Request request = std::move(state_->request);
  state_->request = {};
  state_->taken_keep_alive = state_->keep_alive;
  state_->stage = Stage::kNothing;
  state_->GoOn();
  return request;
}

bool RequestReader::TakeWaitsToSend() {
  return state_->stage == Stage::kBody && state_->bytes.empty() &&
         std::exchange(state_->waits_to_send, false);
}

void RequestReader::Refuse(int status) { state_->Refuse(status); }

int RequestReader::fault() const { return state_->fault; }

bool RequestReader::keep_alive() const { return state_->taken_keep_alive; }

}  // namespace busker::http
