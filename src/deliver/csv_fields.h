// Cutting a CSV file into its values while it passes by in blocks, for the judges of its columns.
#pragma once

#include <string>
#include <vector>

#include "deliver/column_judge.h"

namespace busker::deliver {

class CsvFields {
 public:
  // One judge for each column of the header.
  explicit CsvFields(std::vector<ColumnJudge>& judges) : judges_(judges) {}

  // The next bytes of the file; the first are those behind the header. ColumnJudge::kSlackBytes
  // behind `to` can be read. What is no well-formed CSV is cut somehow: it is not loaded either.
  void Add(const char* from, const char* to);

  void Finish();  // the file ends here

 private:
  enum class State { kBegin, kPlain, kQuoted, kAfterQuote };

  const char* AddPart(const char* at, const char* to);
  void Take(std::string_view text);

  std::vector<ColumnJudge>& judges_;
  std::size_t column_ = 0;
  State state_ = State::kBegin;
  std::string part_;  // of a value that was not whole in its block, or that has quotes
};

}  // namespace busker::deliver
