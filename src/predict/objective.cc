#include "predict/objective.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace busker::predict {
namespace {

constexpr float kSmall = 1e-6f;

// 1 / (1 + exp(-x)), where the exponential cannot overflow since 1.6.
float Logistic(float x) {
  x = std::min(-x, 88.7f);
  return 1.0f / (expf(x) + 1.0f + 1e-16f);
}
float OldLogistic(float x) { return 1.0f / (1.0f + expf(-x)); }

float Logit(float score) { return -logf(1.0f / score - 1.0f); }

// ln(1 + exp(x)) and its inverse, as the expectiles' distances are kept.
float SoftPlus(float x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
float SoftPlusInverse(float x) {
  x = std::max(x, kSmall);
  return x + std::log(-std::expm1(-x));
}

// The sum in double, the quotient in float.
void Softmax(std::span<float> sums) {
  const float greatest = *std::max_element(sums.begin(), sums.end());
  double total = 0;
  for (float& sum : sums) {
    sum = expf(sum - greatest);
    total += sum;
  }
  for (float& sum : sums) sum /= static_cast<float>(total);
}

// Each is as far above the one before as its sum says.
void Expectiles(std::span<float> sums) {
  float answer = sums[0];
  for (std::size_t i = 1; i < sums.size(); ++i) {
    answer += kSmall + SoftPlus(sums[i]);
    sums[i] = answer;
  }
}

// By insertion: NaN, which compares with nothing, only stays in the way.
void SortFew(std::span<float> sums) {
  for (std::size_t i = 1; i < sums.size(); ++i) {
    const float value = sums[i];
    std::size_t at = i;
    for (; at > 0 && sums[at - 1] > value; --at) sums[at] = sums[at - 1];
    sums[at] = value;
  }
}

}  // namespace

std::string ToText(const XgboostVersion& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch);
}

Result<Objective> Objective::Find(std::string_view name, XgboostVersion version) {
  Objective found;
  found.name_ = name;
  const auto is_one_of = [name](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (is_one_of({"reg:logistic", "binary:logistic"})) {
    found.link_ = version.IsBefore(1, 6) ? Link::kOldLogistic : Link::kLogistic;
    found.margin_ = version.IsBefore(3, 2) ? Margin::kLogit : Margin::kClampedLogit;
  } else if (is_one_of(
                 {"reg:gamma", "reg:tweedie", "count:poisson", "survival:cox", "survival:aft"})) {
    // Of survival:aft, XGBoost's packages with CUDA take the exponential in float, as here; those
    // without take it in double, by which 1 answer in 1,000 differs in its last bit.
    found.link_ = Link::kExp;
    found.margin_ = Margin::kLog;
  } else if (name == "binary:hinge") {
    found.link_ = Link::kHinge;
  } else if (name == "multi:softprob") {
    found.link_ = Link::kSoftmax;
  } else if (name == "multi:softmax") {
    found.link_ = Link::kArgMax;
  } else if (name == "reg:quantileerror") {
    found.link_ = version.IsBefore(3, 4) ? Link::kNone : Link::kSort;
  } else if (name == "reg:expectileerror") {
    found.link_ = Link::kExpectile;
    found.margin_ = Margin::kExpectile;
  } else if (!is_one_of({"reg:squarederror", "reg:linear", "reg:squaredlogerror",
                         "reg:pseudohubererror", "reg:absoluteerror", "binary:logitraw",
                         "rank:pairwise", "rank:ndcg", "rank:map"})) {
    return Invalid("its objective is \"" + Printable(name.substr(0, 60)) +
                   "\", which is none that is known here");
  }
  return found;
}

Result<void> Objective::ToMargins(std::vector<float>& base_scores) const {
  for (float& score : base_scores) {
    const bool is_probability = margin_ == Margin::kLogit || margin_ == Margin::kClampedLogit;
    if (!std::isfinite(score) || (is_probability && !(score >= 0 && score <= 1)) ||
        (margin_ == Margin::kLog && !(score > 0))) {
      return Invalid("base_score is " + std::to_string(score) + ", which " + name_ +
                     " does not take");
    }
    if (margin_ == Margin::kClampedLogit) score = std::clamp(score, kSmall, 1.0f - kSmall);
    if (is_probability) score = Logit(score);
    if (margin_ == Margin::kLog) score = std::log(score);
  }
  if (margin_ != Margin::kExpectile) return {};
  for (std::size_t i = base_scores.size() - 1; i > 0; --i) {
    base_scores[i] = SoftPlusInverse(base_scores[i] - base_scores[i - 1] - kSmall);
  }
  return {};
}

void Objective::Answer(std::span<float> sums, std::span<float> answers) const {
  switch (link_) {
    case Link::kNone:
      break;
    case Link::kLogistic:
      for (float& sum : sums) sum = Logistic(sum);
      break;
    case Link::kOldLogistic:
      for (float& sum : sums) sum = OldLogistic(sum);
      break;
    case Link::kExp:
      for (float& sum : sums) sum = expf(sum);
      break;
    case Link::kHinge:
      for (float& sum : sums) sum = sum > 0 ? 1.0f : 0.0f;
      break;
    case Link::kSoftmax:
      Softmax(sums);
      break;
    case Link::kArgMax:
      answers[0] = static_cast<float>(std::max_element(sums.begin(), sums.end()) - sums.begin());
      return;
    case Link::kSort:
      SortFew(sums);
      break;
    case Link::kExpectile:
      Expectiles(sums);
      break;
  }
  if (answers.data() != sums.data()) std::copy(sums.begin(), sums.end(), answers.begin());
}

}  // namespace busker::predict
