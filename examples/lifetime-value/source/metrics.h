#pragma once

#include <span>

// A probability that was predicted, and what came of it.
struct Scored {
  double probability = 0;
  bool happened = false;
};

// The area under the ROC curve: the probability that a case that happened was given a higher
// probability than one that did not, ties counting one half. Computed from ranks as U / (n1 n0),
// with mean ranks for ties: H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18(1),
// 1947; J. A. Hanley and B. J. McNeil, Radiology 143(1), 1982. `scored` must hold both classes.
double AreaUnderCurve(std::span<const Scored> scored);

// The mean of -ln(probability given to what came true), probabilities held within
// [1e-15, 1 - 1e-15]. `scored` must not be empty.
double LogLoss(std::span<const Scored> scored);

// The share of what happened. `scored` must not be empty.
double BaseRate(std::span<const Scored> scored);
