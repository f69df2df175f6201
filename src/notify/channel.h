// The ways by which a person is told.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace busker::notify {

// POST of the notice as JSON. With a secret it is signed as Standard Webhooks has it: "whsec_" and
// base64 is the key itself, in base64; any other text is used as it stands.
struct Webhook {
  std::string url;
  std::string secret;  // empty: not signed
};

// A program, run without a shell, with the notice on standard input and in its environment.
struct CommandChannel {
  std::vector<std::string> words;  // [0] is the program; without "/" it is looked up along PATH
  io::fs::path folder;             // where it runs; empty: here
};

// A mail. The server takes it for all recipients or for none, so one bad address would keep it from
// all: give each address an outbox entry of its own.
struct Mail {
  std::string url;             // smtp://HOST:PORT or smtps://HOST:PORT
  std::string user, password;  // empty: without logging in
  std::string from;            // "busker@example.com" or "Busker <busker@example.com>"
  std::vector<std::string> to;
  bool starttls = true;  // false: smtp:// is not protected. A server on this machine never is.
};

using Channel = std::variant<Webhook, CommandChannel, Mail>;

// Who receives, for messages and to tell receivers apart; without the secret parts.
// "https://example.com", "the command notify-me", "mail to a@b.c".
std::string Describe(const Channel& channel);

// Is it a channel that could work? kInvalid with what is wrong, for whoever reads settings: the
// URL, the addresses, the secret, an empty command. Calls nobody.
Result<void> CheckChannel(const Channel& channel);

// A secret from a file: all of it, without the line end. kInvalid when that is nothing.
Result<std::string> ReadSecret(const io::fs::path& file);

}  // namespace busker::notify
