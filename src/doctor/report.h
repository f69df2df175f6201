// What a check found: a line for a person, and what mends it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace busker::doctor {

enum class Verdict {
  kGood,
  kDoubtful,  // it may work, or not well
  kBad,       // it will not
};

struct Finding {
  std::string what;  // that was looked at: "disk", "bucket"
  Verdict verdict = Verdict::kGood;
  std::string message;  // what is so
  std::string remedy;   // what mends it: a command, mostly; empty: nothing is to be mended
};

class Report {
 public:
  void Good(std::string what, std::string message) {
    findings_.push_back({std::move(what), Verdict::kGood, std::move(message), ""});
  }
  void Doubt(std::string what, std::string message, std::string remedy) {
    findings_.push_back(
        {std::move(what), Verdict::kDoubtful, std::move(message), std::move(remedy)});
  }
  void Bad(std::string what, std::string message, std::string remedy) {
    findings_.push_back({std::move(what), Verdict::kBad, std::move(message), std::move(remedy)});
  }

  const std::vector<Finding>& findings() const { return findings_; }

 private:
  std::vector<Finding> findings_;
};

}  // namespace busker::doctor
