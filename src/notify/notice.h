// What a person is told: one thing that happened to a service, once.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace busker::notify {

struct Notice {
  // The idempotency key: made once, when the notice is decided, and the same at every try, so that
  // a receiver can tell a repetition. See IsKey; MakeKey makes good ones.
  std::string key;
  Instant at;           // when it happened
  std::string kind;     // "failed", "recovered", "late", ...: plan::NotifyPeople::Kind's names
  std::string service;  // whose
  std::string action;   // or graph
  std::string run;      // empty when there is none, as for never-started
  std::string data_date;
  std::string message;  // one sentence
  std::string hint;     // what to do about it: "busker logs RUN"; may be empty
};

// Letters, digits, "_", "-" and ":", at most 128. No "." for it would blur what is signed.
bool IsKey(std::string_view text);

// A key that is a function of the parts alone: "failed-" (the first of them) and 32 hexadecimal
// digits of a digest of them all.
std::string MakeKey(std::initializer_list<std::string_view> parts);

// The notice as a JSON object on one line, the payload of webhooks and commands: all fields by
// their names, `at` as RFC 3339, all of them texts. The same notice gives the same bytes.
std::string ToJson(const Notice& notice);

// {"BUSKER_NOTICE_KEY=...", ...}: a variable for each field.
std::vector<std::string> ToEnvironment(const Notice& notice);

// "churn/training failed (2019-08-01)": one line.
std::string Title(const Notice& notice);

}  // namespace busker::notify
