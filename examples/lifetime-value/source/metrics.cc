#include "metrics.h"

#include <algorithm>
#include <cmath>
#include <vector>

double AreaUnderCurve(std::span<const Scored> scored) {
  std::vector<Scored> sorted(scored.begin(), scored.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Scored& a, const Scored& b) { return a.probability < b.probability; });
  double happened = 0;
  double rank_sum = 0;  // of those that happened; ranks count from 1
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t end = i;
    double happened_in_tie = 0;
    for (; end < sorted.size() && sorted[end].probability == sorted[i].probability; ++end) {
      if (sorted[end].happened) ++happened_in_tie;
    }
    const double mean_rank = (static_cast<double>(i + 1) + static_cast<double>(end)) / 2;
    rank_sum += happened_in_tie * mean_rank;
    happened += happened_in_tie;
    i = end;
  }
  const double others = static_cast<double>(sorted.size()) - happened;
  return (rank_sum - happened * (happened + 1) / 2) / (happened * others);
}

double LogLoss(std::span<const Scored> scored) {
  double sum = 0;
  for (const auto& [probability, happened] : scored) {
    const double p = std::clamp(probability, 1e-15, 1 - 1e-15);
    sum -= happened ? std::log(p) : std::log1p(-p);
  }
  return sum / static_cast<double>(scored.size());
}

double BaseRate(std::span<const Scored> scored) {
  const auto happened =
      std::count_if(scored.begin(), scored.end(), [](const Scored& s) { return s.happened; });
  return static_cast<double>(happened) / static_cast<double>(scored.size());
}
