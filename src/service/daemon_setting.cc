#include "service/daemon_setting.h"

#include <fmt/core.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "base/id.h"
#include "service/document.h"
#include "service/keys.h"
#include "service/text_file.h"

namespace busker::service {
namespace {

struct Draft {
  DaemonSettings settings;
  std::string folder;  // of the file
};

struct HttpDraft {
  HttpSetting http;
  std::string folder;
};

struct ServingDraft {
  ServingSetting serving;
  std::string folder;
};

struct SmtpDraft {
  SmtpSetting smtp;
  std::string folder;
};

void ReadSlots(Reader& reader, const Member& member, Draft& draft) {
  if (const auto slots = reader.Integer(member, 1, 10'000)) {
    draft.settings.slots = static_cast<int>(*slots);
  }
}

void ReadCpus(Reader& reader, const Member& member, Draft& draft) {
  if (const auto cpus = reader.Cpus(member)) draft.settings.cpus_milli = *cpus;
}

void ReadMemory(Reader& reader, const Member& member, Draft& draft) {
  if (const auto bytes = reader.Memory(member)) draft.settings.memory_bytes = *bytes;
}

void ReadPools(Reader& reader, const Member& member, Draft& draft) {
  const Node* pools = reader.Table(member);
  if (pools == nullptr) return;
  Reader in_pools(reader.faults(), "[pools]", KeyHelp{});
  for (const Member& pool : pools->members) {
    if (!IsName(pool.name)) {
      reader.Fault(pool.at,
                   fmt::format("{} cannot be the name of a pool: a-z, 0-9, \".\", \"_\" and "
                               "\"-\", a letter or digit first, at most 63",
                               Quoted(pool.name)));
    } else if (const auto slots = in_pools.Integer(pool, 1, 10'000)) {
      draft.settings.pools[pool.name] = static_cast<int>(*slots);
    }
  }
}

void ReadSmtpUrl(Reader& reader, const Member& member, SmtpDraft& draft) {
  if (auto url = reader.Url(member, {"smtp", "smtps"})) draft.smtp.url = std::move(*url);
}

void ReadFrom(Reader& reader, const Member& member, SmtpDraft& draft) {
  auto from = reader.Emails(member);
  if (!from) return;
  if (from->size() != 1) return reader.MustBe(member, "one address");
  draft.smtp.from = from->front();
}

void ReadUser(Reader& reader, const Member& member, SmtpDraft& draft) {
  if (auto user = reader.String(member)) draft.smtp.user = std::move(*user);
}

void ReadPasswordFile(Reader& reader, const Member& member, SmtpDraft& draft) {
  if (auto path = reader.Path(member, draft.folder)) draft.smtp.password_file = std::move(*path);
}

void ReadStartTls(Reader& reader, const Member& member, SmtpDraft& draft) {
  if (const auto starttls = reader.Bool(member)) draft.smtp.starttls = *starttls;
}

void ReadHeartbeatUrl(Reader& reader, const Member& member, HeartbeatSetting& heartbeat) {
  if (auto url = reader.Url(member, {"https", "http"})) heartbeat.url = std::move(*url);
}

void ReadEvery(Reader& reader, const Member& member, HeartbeatSetting& heartbeat) {
  const auto every = reader.Duration(member);
  if (!every) return;
  if (*every < std::chrono::seconds(1)) {
    reader.Fault(member.value.at, "\"every\" in [heartbeat] must be at least 1s");
    return;
  }
  heartbeat.every = *every;
}

template <typename Into>
constexpr Key<Into> Row(std::string_view name, std::string_view example,
                        void (*read)(Reader&, const Member&, Into&)) {
  return {{name, example, "", ""}, read};
}

// "off", or an address and a port: "127.0.0.1:8321", "[::1]:8321". Of [http] or [serving].
template <typename Setting>
void ReadListenOf(Reader& reader, const Member& member, Setting& http) {
  const auto text = reader.String(member);
  if (!text) return;
  http.on = *text != "off";
  if (!http.on) return;
  const std::size_t colon = text->rfind(':');
  const std::string port = colon == std::string::npos ? "" : text->substr(colon + 1);
  const char* const end = port.data() + port.size();
  const auto [at, fault] = std::from_chars(port.data(), end, http.port);
  if (port.empty() || fault != std::errc() || at != end || http.port < 1 || http.port > 65535) {
    return reader.MustBe(member, "\"off\", or an IP address and a port");
  }
  http.address = text->substr(0, colon);
  if (http.address.starts_with('[') && http.address.ends_with(']')) {
    http.address = http.address.substr(1, http.address.size() - 2);
  }
  in6_addr parsed{};
  const int family = text->starts_with('[') ? AF_INET6 : AF_INET;
  char usual[INET6_ADDRSTRLEN];
  if (inet_pton(family, http.address.c_str(), &parsed) != 1 ||
      inet_ntop(family, &parsed, usual, sizeof usual) == nullptr) {
    return reader.MustBe(member, "\"off\", or an IP address and a port");
  }
  http.address = usual;  // as browsers write it
}

void ReadListen(Reader& reader, const Member& member, HttpDraft& draft) {
  ReadListenOf(reader, member, draft.http);
}

void ReadServingListen(Reader& reader, const Member& member, ServingDraft& draft) {
  ReadListenOf(reader, member, draft.serving);
}

void ReadThreads(Reader& reader, const Member& member, ServingDraft& draft) {
  if (const auto threads = reader.Integer(member, 1, 256)) {
    draft.serving.threads = static_cast<int>(*threads);
  }
}

void ReadRowsMax(Reader& reader, const Member& member, ServingDraft& draft) {
  if (const auto rows = reader.Integer(member, 1, 1'000'000)) {
    draft.serving.rows_max = static_cast<std::uint64_t>(*rows);
  }
}

void ReadBodyMax(Reader& reader, const Member& member, ServingDraft& draft) {
  const auto bytes = reader.Memory(member);
  if (!bytes) return;
  if (*bytes < 1024 || *bytes > (1u << 30)) return reader.MustBe(member, "1KiB to 1GiB");
  draft.serving.body_bytes_max = *bytes;
}

void ReadServingCertificate(Reader& reader, const Member& member, ServingDraft& draft) {
  if (auto path = reader.Path(member, draft.folder)) draft.serving.certificate = std::move(*path);
}

void ReadServingKey(Reader& reader, const Member& member, ServingDraft& draft) {
  if (auto path = reader.Path(member, draft.folder)) draft.serving.key = std::move(*path);
}

void ReadServingInsecure(Reader& reader, const Member& member, ServingDraft& draft) {
  if (const auto insecure = reader.Bool(member)) draft.serving.insecure_i_know = *insecure;
}

void ReadNames(Reader& reader, const Member& member, HttpDraft& draft) {
  const auto names = reader.Strings(member, "an address");
  if (!names) return;
  for (const std::string& name : *names) {
    const bool is_origin = name.starts_with("https://") || name.starts_with("http://");
    if (!is_origin || name.find('/', name.find("//") + 2) != std::string::npos) {
      return reader.MustBe(member, "addresses without a path, as \"https://busker.example.com\"");
    }
  }
  draft.http.names = *names;
}

void ReadCertificate(Reader& reader, const Member& member, HttpDraft& draft) {
  if (auto path = reader.Path(member, draft.folder)) draft.http.certificate = std::move(*path);
}

void ReadKey(Reader& reader, const Member& member, HttpDraft& draft) {
  if (auto path = reader.Path(member, draft.folder)) draft.http.key = std::move(*path);
}

void ReadInsecure(Reader& reader, const Member& member, HttpDraft& draft) {
  if (const auto insecure = reader.Bool(member)) draft.http.insecure_i_know = *insecure;
}

constexpr std::array<Key<SmtpDraft>, 5> kSmtp = {{
    Row("url", R"("smtp://mail.example.com:587")", ReadSmtpUrl),
    Row("from", R"("busker@example.com")", ReadFrom),
    Row("user", R"("busker")", ReadUser),
    Row("password_file", R"("secrets/smtp")", ReadPasswordFile),
    Row("starttls", "true", ReadStartTls),
}};

constexpr std::array<Key<HeartbeatSetting>, 2> kHeartbeat = {{
    Row("url", R"("https://example.com/ping")", ReadHeartbeatUrl),
    Row("every", R"("60s")", ReadEvery),
}};

constexpr std::array<Key<HttpDraft>, 5> kHttp = {{
    Row("listen", R"("127.0.0.1:8321")", ReadListen),
    Row("names", R"(["https://busker.example.com"])", ReadNames),
    Row("certificate", R"("certificate.pem")", ReadCertificate),
    Row("key", R"("key.pem")", ReadKey),
    Row("insecure_i_know", "true", ReadInsecure),
}};

constexpr std::array<Key<ServingDraft>, 7> kServing = {{
    Row("listen", R"("127.0.0.1:8080")", ReadServingListen),
    Row("threads", "2", ReadThreads),
    Row("rows_max", "10000", ReadRowsMax),
    Row("body_max", R"("16MiB")", ReadBodyMax),
    Row("certificate", R"("certificate.pem")", ReadServingCertificate),
    Row("key", R"("key.pem")", ReadServingKey),
    Row("insecure_i_know", "true", ReadServingInsecure),
}};

void Needs(Reader& reader, const Member& member, std::string_view table, std::string_view key) {
  if (member.value.Find(key) != nullptr) return;
  reader.Fault(member.at, fmt::format("[{}] needs the key \"{}\"", table, key));
}

void ReadSmtp(Reader& reader, const Member& member, Draft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  SmtpDraft smtp{{}, draft.folder};
  Reader keys(reader.faults(), "[smtp]", KeyHelp{});
  keys.ReadTable(*table, std::span<const Key<SmtpDraft>>(kSmtp), smtp);
  for (const char* key : {"url", "from"}) Needs(reader, member, "smtp", key);
  for (const auto& [key, needed] :
       {std::pair{"user", "password_file"}, std::pair{"password_file", "user"}}) {
    if (table->Find(key) != nullptr && table->Find(needed) == nullptr) {
      reader.Fault(table->Find(key)->at,
                   fmt::format("\"{}\" in [smtp] means nothing without \"{}\"", key, needed));
    }
  }
  draft.settings.smtp = std::move(smtp.smtp);
}

void ReadHeartbeat(Reader& reader, const Member& member, Draft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  HeartbeatSetting heartbeat;
  Reader keys(reader.faults(), "[heartbeat]", KeyHelp{});
  keys.ReadTable(*table, std::span<const Key<HeartbeatSetting>>(kHeartbeat), heartbeat);
  Needs(reader, member, "heartbeat", "url");
  draft.settings.heartbeat = std::move(heartbeat);
}

// Either means nothing without the other.
void NeedsBoth(Reader& reader, const Node& table, std::string_view name) {
  for (const auto& [key, needed] :
       {std::pair{"certificate", "key"}, std::pair{"key", "certificate"}}) {
    if (table.Find(key) != nullptr && table.Find(needed) == nullptr) {
      reader.Fault(table.Find(key)->at,
                   fmt::format("\"{}\" in [{}] means nothing without \"{}\"", key, name, needed));
    }
  }
}

void ReadServing(Reader& reader, const Member& member, Draft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  ServingDraft serving{{}, draft.folder};
  serving.serving.on = true;
  Reader keys(reader.faults(), "[serving]", KeyHelp{});
  keys.ReadTable(*table, std::span<const Key<ServingDraft>>(kServing), serving);
  NeedsBoth(reader, *table, "serving");
  HttpSetting as_http;
  as_http.address = serving.serving.address;
  if (!as_http.IsLocal() && serving.serving.certificate.empty() &&
      !serving.serving.insecure_i_know) {
    reader.Fault(table->Find("listen")->value.at,
                 fmt::format("{} can be reached by others, who could read along without TLS: give "
                             "[serving] a \"certificate\" and a \"key\", or listen on 127.0.0.1",
                             as_http.address));
  }
  draft.settings.serving = std::move(serving.serving);
}

void ReadHttp(Reader& reader, const Member& member, Draft& draft) {
  const Node* table = reader.Table(member);
  if (table == nullptr) return;
  HttpDraft http{{}, draft.folder};
  Reader keys(reader.faults(), "[http]", KeyHelp{});
  keys.ReadTable(*table, std::span<const Key<HttpDraft>>(kHttp), http);
  NeedsBoth(reader, *table, "http");
  if (!http.http.certificate.empty()) {
    for (const std::string& name : http.http.names) {
      if (name.starts_with("https://")) continue;
      reader.Fault(table->Find("names")->value.at,
                   "\"names\" in [http] must be https:// addresses, since there is a certificate");
      break;
    }
  }
  draft.settings.http = std::move(http.http);
}

// Why these would let in whom they should not, or nobody; empty: they are well.
std::string Exposure(const HttpSetting& http) {
  if (!http.on || http.IsLocal()) return "";
  if (http.certificate.empty() && !http.insecure_i_know) {
    return fmt::format(
        "{} can be reached by others, who could read along without TLS: give [http] a "
        "\"certificate\" and a \"key\", or listen on 127.0.0.1 with a proxy before it",
        http.address);
  }
  if (http.names.empty() && (http.address == "0.0.0.0" || http.address == "::")) {
    return fmt::format(
        "{} is every address of this machine: \"names\" in [http] has to say how people call it, "
        "as [\"https://busker.example.com:{}\"]",
        http.address, http.port);
  }
  return "";
}

void ReadNotifyTable(Reader& reader, const Member& member, Draft& draft) {
  ReadNotify(reader, member, draft.folder, draft.settings.notify);
}

constexpr std::array<Key<Draft>, 9> kDaemon = {{
    Row("slots", "4", ReadSlots),
    Row("cpus", "4", ReadCpus),
    Row("memory", R"("16GiB")", ReadMemory),
    Row("pools", "{ warehouse = 2 }", ReadPools),
    Row("smtp", R"({ url = "smtp://mail.example.com:587", from = "busker@example.com" })",
        ReadSmtp),
    Row("heartbeat", R"({ url = "https://example.com/ping" })", ReadHeartbeat),
    Row("http", R"({ listen = "127.0.0.1:8321" })", ReadHttp),
    Row("serving", R"({ listen = "127.0.0.1:8080" })", ReadServing),
    Row("notify", R"({ email = "ops@example.com" })", ReadNotifyTable),
}};

}  // namespace

bool HttpSetting::IsLocal() const {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Result<DaemonSettings> LoadDaemonSettings(const std::string& path) {
  TRY_ASSIGN(const auto text, ReadTextFile(path, kDocumentBytesMax));
  if (!text) return DaemonSettings{};
  std::error_code error;
  Draft draft;
  draft.folder = std::filesystem::absolute(path, error).lexically_normal().parent_path().string();
  if (error) return SystemError("file " + path, error.value());
  Faults faults(path);
  Position listen_at;
  if (const auto document = ParseDocument(*text, faults)) {
    Reader top(faults, "", KeyHelp{});
    top.ReadTable(*document, std::span<const Key<Draft>>(kDaemon), draft);
    const Member* const http = document->Find("http");
    const Member* const listen = http == nullptr ? nullptr : http->value.Find("listen");
    if (listen != nullptr) listen_at = listen->value.at;
    const auto& emails = draft.settings.notify.emails;
    if (!emails.empty() && document->Find("smtp") == nullptr) {
      faults.Add(document->Find("notify")->value.Find("email")->at,
                 "\"email\" in [notify] needs [smtp], the mail server");
    }
  }
  if (!faults.empty()) return Invalid(ToString(faults.Sorted().front()));
  if (const std::string why = Exposure(draft.settings.http); !why.empty()) {
    faults.Add(listen_at, why);
    return Unusable(ToString(faults.Sorted().front()));
  }
  return draft.settings;
}

}  // namespace busker::service
