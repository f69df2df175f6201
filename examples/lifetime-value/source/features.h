#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "purchases.h"

// What is known of a customer at a cut-off day, from the purchases up to and including that day.
// Days are counted from the first purchase; purchases of one day count as one.
//
// frequency, recency and tenure are x, t_x and T of P. S. Fader, B. G. S. Hardie and K. L. Lee,
// "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing
// Science 24(2), 2005. monetary value is m_x of the same authors' RFM and CLV: Using Iso-Value
// Curves for Customer Base Analysis, Journal of Marketing Research 42(4), 2005: the mean of the
// repeat purchases, the first one left out. All other features are plain counts and sums of ours.
struct Features {
  float frequency = 0;        // x: days with a purchase after the first such day
  float recency_days = 0;     // t_x: from the first to the last purchase; 0 without a repeat
  float tenure_days = 0;      // T: from the first purchase to the cut-off
  float monetary_value = 0;   // m_x: dollars per repeat day; 0 without a repeat
  float days_since_last = 0;  // T - t_x
  float first_dollars = 0;    // spent on the first day
  float total_dollars = 0;    // spent on all days
  float total_discs = 0;
  float days_last_13_weeks = 0;  // days with a purchase among the 91 days that end at the cut-off
  float repeats_per_week = 0;    // 7 x / T; 0 on the first day
  float overdue = 0;             // (T - t_x) / (t_x / x): silence in mean gaps; NaN without repeat
};

inline constexpr std::size_t kFeatureCount = 11;

// The names, in the order of Values(); they are stored in the model.
inline constexpr std::array<const char*, kFeatureCount> kFeatureNames = {
    "frequency",          "recency_days",     "tenure_days",   "monetary_value",
    "days_since_last",    "first_dollars",    "total_dollars", "total_discs",
    "days_last_13_weeks", "repeats_per_week", "overdue"};

std::array<float, kFeatureCount> Values(const Features& features);

// Nothing when the customer has not bought by `cutoff`, and so is not yet known.
std::optional<Features> FeaturesAt(const Customer& customer, Date cutoff);

// Whether the customer bought in (cutoff, cutoff + horizon].
bool BuysWithin(const Customer& customer, Date cutoff, std::chrono::weeks horizon);
