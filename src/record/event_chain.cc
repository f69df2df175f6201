// The plain SHA-256 functions, although OpenSSL 3 calls them deprecated: see io/digest.cc.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "record/event_chain.h"

#include <fmt/core.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/check.h"

namespace busker::record {
namespace {

constexpr std::size_t kFaultsMax = 10;

void Append(std::string& bytes, std::uint64_t number) {
  char little[8];
  for (char& byte : little) {
    byte = static_cast<char>(number & 0xFF);
    number >>= 8;
  }
  bytes.append(little, sizeof little);
}

EventHash HashIn(std::string_view bytes) {
  EventHash hash{};
  if (bytes.size() == hash.size()) std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

}  // namespace

EventHash EventHasher::Of(const EventHash& before, const EventFields& event) {
  bytes_.assign(before.data(), before.size());
  Append(bytes_, static_cast<std::uint64_t>(event.number));
  Append(bytes_, static_cast<std::uint64_t>(event.at));
  for (const std::string_view text :
       {event.run, event.task, event.what, event.actor, event.detail}) {
    Append(bytes_, text.size());
    bytes_.append(text);
  }
  EventHash hash;
  SHA256_CTX context;
  CHECK(SHA256_Init(&context) == 1 && SHA256_Update(&context, bytes_.data(), bytes_.size()) == 1 &&
            SHA256_Final(reinterpret_cast<unsigned char*>(hash.data()), &context) == 1,
        "OpenSSL has SHA-256");
  return hash;
}

Result<void> EventWriter::Add(EventFields event) {
  if (!begun_) {
    TRY_ASSIGN(Statement last, database_.Prepare("SELECT number, hash FROM chain"));
    TRY_ASSIGN(const bool found, last.Step());
    if (!found) {
      return Unusable("the record " + database_.path() +
                      " has lost the end of its chain of events; run busker fsck");
    }
    last_ = last.Integer(0);
    hash_ = HashIn(last.Bytes(1));
    begun_ = true;
  }
  event.number = last_ + 1;
  const EventHash hash = hasher_.Of(hash_, event);
  TRY_ASSIGN(Statement insert,
             database_.Prepare("INSERT INTO events (number, at, run, task, what, actor, detail, "
                               "hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.Bind(event.number).Bind(event.at).Bind(event.run).Bind(event.task).Bind(event.what);
  TRY(insert.Bind(event.actor).Bind(event.detail).BindBytes(BytesOf(hash)).Run());
  last_ = event.number;
  hash_ = hash;
  return {};
}

Result<void> EventWriter::Finish() {
  if (!begun_) return {};
  TRY_ASSIGN(Statement update, database_.Prepare("UPDATE chain SET number = ?, hash = ?"));
  return update.Bind(last_).BindBytes(BytesOf(hash_)).Run();
}

Result<std::vector<std::string>> VerifyEvents(Database& database,
                                              const std::function<void(const EventFields&)>& use) {
  std::vector<std::string> faults;
  EventHasher hasher;
  EventHash before{};
  std::int64_t last = 0;
  TRY_ASSIGN(Statement rows, database.Prepare("SELECT number, at, run, task, what, actor, detail, "
                                              "hash FROM events ORDER BY number"));
  for (;;) {
    TRY_ASSIGN(const bool more, rows.Step());
    if (!more) break;
    const EventFields event{rows.Integer(0), rows.Integer(1), rows.View(2), rows.View(3),
                            rows.View(4),    rows.View(5),    rows.View(6)};
    const EventHash recorded = HashIn(rows.Bytes(7));
    if (hasher.Of(before, event) != recorded && faults.size() < kFaultsMax) {
      faults.push_back(fmt::format("event {} is not as it was written, or one before it is missing",
                                   event.number));
    }
    use(event);
    before = recorded;
    last = event.number;
  }
  TRY_ASSIGN(Statement end, database.Prepare("SELECT number, hash FROM chain"));
  TRY_ASSIGN(const bool found, end.Step());
  if (!found) {
    faults.push_back("the end of the chain of events is missing");
  } else if (end.Integer(0) != last || HashIn(end.Bytes(1)) != before) {
    faults.push_back(fmt::format("events behind {} are missing or were changed: the last was {}",
                                 last, end.Integer(0)));
  }
  return faults;
}

}  // namespace busker::record
