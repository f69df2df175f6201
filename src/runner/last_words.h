// The last line that a program wrote: when it failed, the likeliest to say why.
#pragma once

#include <string>
#include <string_view>

namespace busker::runner {

// Follows an output; keeps its newest line that is not blank, at most 300 bytes of it.
class LastWords {
 public:
  void Add(std::string_view bytes);
  std::string Line() const;  // without blanks around it

 private:
  std::string line_, unfinished_;
};

}  // namespace busker::runner
