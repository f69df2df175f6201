// What is known of machine types of Google's Compute Engine without asking it: their size, and what
// an hour costs about.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace busker::cloud {

// When the prices were looked up: list prices on demand, without disk, traffic and discounts, in
// US dollars.
inline constexpr std::string_view kPricesOf = "August 2026";

struct MachineType {
  double vcpus = 0;  // shared ones have a part of one
  double memory_gib = 0;
  double dollars_an_hour = 0;  // in the zone asked about; 0: not known there
};

// The families E2, N1, N2 and N2D, as "e2-standard-2" in "europe-west1-b". nullopt: another type,
// which there may be all the same.
std::optional<MachineType> FindMachineType(const std::string& name, const std::string& zone);

}  // namespace busker::cloud
