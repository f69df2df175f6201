// What XGBoost makes of a sum of leaves, and of the base score before it: by the model's objective,
// in the version that wrote the model. The formulas are those of its sources, src/objective, in
// float32 where they are.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace busker::predict {

struct XgboostVersion {
  int major = 0, minor = 0, patch = 0;
  bool IsBefore(int that_major, int that_minor) const {
    return major != that_major ? major < that_major : minor < that_minor;
  }
};
std::string ToText(const XgboostVersion& version);

class Objective {
 public:
  // kInvalid: it is none of those of XGBoost up to 3.4.
  static Result<Objective> Find(std::string_view name, XgboostVersion version);

  const std::string& name() const { return name_; }
  bool is_for_classes() const { return link_ == Link::kSoftmax || link_ == Link::kArgMax; }
  // Answers for so many sums: the greatest one's place is one answer.
  std::size_t Answers(std::size_t sums) const { return link_ == Link::kArgMax ? 1 : sums; }

  // Base scores as the file has them to what the sums begin with, in place. kInvalid: XGBoost
  // refuses such a score, too.
  Result<void> ToMargins(std::vector<float>& base_scores) const;

  // The sums of one row to its answers. `answers` may be `sums`. No state, any thread.
  void Answer(std::span<float> sums, std::span<float> answers) const;

 private:
  enum class Link {
    kNone,
    kLogistic,
    kOldLogistic,
    kExp,
    kHinge,
    kSoftmax,
    kArgMax,
    kSort,
    kExpectile
  };
  enum class Margin { kNone, kLogit, kClampedLogit, kLog, kExpectile };

  std::string name_;
  Link link_ = Link::kNone;
  Margin margin_ = Margin::kNone;
};

}  // namespace busker::predict
