// Orders of attempts, for tests only.
#pragma once

#include <unistd.h>

#include <string>

#include "attempt/order.h"
#include "execute/executor.h"
#include "io/boot.h"

namespace busker::execute {

// The home of all of them.
inline constexpr char kTestInstance[] = "home1";

// A test in another process must not take our processes for its own: their mark has this name.
inline std::string RunName() { return "r" + std::to_string(getpid()); }

// To run a shell's script, decided on in this boot.
inline attempt::Order TestOrder(const attempt::Name& name, const std::string& script) {
  attempt::Order order;
  order.run = name.run;
  order.task = name.task;
  order.number = name.number;
  order.command = {"/bin/sh", "-c", script};
  order.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
  order.grace = Milliseconds(300);
  order.synced = false;
  order.boot = io::BootId();
  return order;
}

inline Attempt Sealed(const attempt::Order& order, const std::string& place = {}) {
  Attempt attempt{{order.run, order.task, order.number},
                  attempt::Seal({order.number, kTestInstance, order.boot, {}}, OrderToJson(order)),
                  order.synced};
  attempt.place = place;
  for (const attempt::SecretUse& use : order.secrets) attempt.secrets.push_back(use.name);
  return attempt;
}

}  // namespace busker::execute
