// Seeded lives of the agenda. BUSKER_SEED=N plays one, BUSKER_SEEDS=N so many.
#include <gtest/gtest.h>

#include <cstdlib>

#include "plan/simulation.h"

namespace busker::plan {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned kSeeds = 40;
#else
constexpr unsigned kSeeds = 400;
#endif

unsigned Number(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

TEST(Simulation, KeepsItsInvariantsInAnyLife) {
  const bool one = std::getenv("BUSKER_SEED") != nullptr;
  const unsigned first = Number("BUSKER_SEED", 1);
  const unsigned count = one ? 1 : Number("BUSKER_SEEDS", kSeeds);
  for (unsigned seed = first; seed < first + count; ++seed) {
    Simulation simulation(seed);
    const std::string fault = simulation.Play();
    ASSERT_EQ(fault, "") << "BUSKER_SEED=" << seed << " plays it again; at its end:\n"
                         << simulation.History();
  }
}

}  // namespace
}  // namespace busker::plan
