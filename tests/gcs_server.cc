// The strict server of Cloud Storage as a program, for tests of the real programs. It says where it
// is, then does what each line of its standard input says, and ends with that:
//
//   fail FAULT COUNT PART   the next COUNT requests whose method and target hold PART; FAULT is one
//                           of busy, lost, cut, hang
//   objects                 prints the names of all objects, as JSON in one line
//   requests                prints what was asked so far
//   violations              prints what a client must not do, and did
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "artifact/strict_gcs.h"

using busker::artifact::StrictGcs;
using busker::artifact::StrictGcsBucket;
using busker::artifact::StrictGcsFault;

namespace {

const std::map<std::string, StrictGcsFault> kFaults = {{"busy", StrictGcsFault::kBusy},
                                                       {"lost", StrictGcsFault::kLost},
                                                       {"cut", StrictGcsFault::kCutRequest},
                                                       {"hang", StrictGcsFault::kHang}};

void Print(const std::vector<std::string>& lines) {
  std::puts(nlohmann::json(lines).dump().c_str());
  std::fflush(stdout);
}

}  // namespace

int main() {
  StrictGcs server;
  std::puts(server.Place().c_str());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb, fault, part;
    int count = 0;
    words >> verb;
    if (verb == "fail") {
      words >> fault >> count >> std::ws;
      std::getline(words, part);
      server.Fail(kFaults.at(fault), part, count);
    }
    if (verb == "objects") Print(server.WithBucket([](StrictGcsBucket& b) { return b.Names(); }));
    if (verb == "requests") Print(server.requests());
    if (verb == "violations") Print(server.violations());
  }
}
