#include "features.h"

#include <algorithm>
#include <limits>

std::array<float, kFeatureCount> Values(const Features& f) {
  return {f.frequency,          f.recency_days,     f.tenure_days,   f.monetary_value,
          f.days_since_last,    f.first_dollars,    f.total_dollars, f.total_discs,
          f.days_last_13_weeks, f.repeats_per_week, f.overdue};
}

std::optional<Features> FeaturesAt(const Customer& customer, Date cutoff) {
  const Date first = customer.purchases.front().date;
  if (first > cutoff) return std::nullopt;

  Date last = first;
  int purchase_days = 1;
  int recent_days = first > cutoff - std::chrono::weeks(13) ? 1 : 0;
  double first_dollars = 0;
  double total_dollars = 0;
  int total_discs = 0;
  for (const Purchase& purchase : customer.purchases) {
    if (purchase.date > cutoff) break;
    if (purchase.date > last) {
      last = purchase.date;
      ++purchase_days;
      if (last > cutoff - std::chrono::weeks(13)) ++recent_days;
    }
    if (purchase.date == first) first_dollars += purchase.dollars;
    total_dollars += purchase.dollars;
    total_discs += purchase.discs;
  }

  const double frequency = purchase_days - 1;
  const double recency = static_cast<double>((last - first).count());
  const double tenure = static_cast<double>((cutoff - first).count());
  const double repeat_dollars = total_dollars - first_dollars;
  Features features;
  features.frequency = static_cast<float>(frequency);
  features.recency_days = static_cast<float>(recency);
  features.tenure_days = static_cast<float>(tenure);
  features.monetary_value = static_cast<float>(frequency > 0 ? repeat_dollars / frequency : 0);
  features.days_since_last = static_cast<float>(tenure - recency);
  features.first_dollars = static_cast<float>(first_dollars);
  features.total_dollars = static_cast<float>(total_dollars);
  features.total_discs = static_cast<float>(total_discs);
  features.days_last_13_weeks = static_cast<float>(recent_days);
  features.repeats_per_week = static_cast<float>(tenure > 0 ? 7 * frequency / tenure : 0);
  features.overdue = frequency > 0 ? static_cast<float>((tenure - recency) * frequency / recency)
                                   : std::numeric_limits<float>::quiet_NaN();
  return features;
}

bool BuysWithin(const Customer& customer, Date cutoff, std::chrono::weeks horizon) {
  return std::any_of(customer.purchases.begin(), customer.purchases.end(),
                     [&](const auto& p) { return p.date > cutoff && p.date <= cutoff + horizon; });
}
