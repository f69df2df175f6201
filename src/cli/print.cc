#include "cli/print.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/text.h"

namespace busker::cli {
namespace {

constexpr std::size_t kCellWidthMax = 60, kWidthMax = 10'000;
constexpr std::size_t kLinesBelowMax = 3;  // busker explain has the rest

struct Screen {
  std::mutex mutex;          // several threads follow logs
  bool unfinished = false;   // a line stands there that the next one takes the place of
  bool is_programs = false;  // a program's, which nobody else's takes the place of
  bool colours = false;      // said before the first thread
};

Screen& TheScreen() {
  static Screen screen;
  return screen;
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::string OneLine(std::string_view text, std::size_t width_max) {
  std::string line = Printable(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  if (Width(line) <= width_max) return line;
  std::size_t end = 0;
  for (std::size_t width = 0; end < line.size(); ++end) {
    if (!IsContinuation(line[end]) && ++width == width_max) break;
  }
  return line.substr(0, end) + "…";
}

bool ShowsColours() { return TheScreen().colours; }

// A variable that is set, and not to nothing (no-color.org).
std::string_view Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A sign and a colour, so that one can be missed.
struct Look {
  std::string_view sign, colour;
};

Look LookOf(plan::State state) {
  switch (state) {
    case plan::State::kSucceeded:
      return {"✓ ", "32"};
    case plan::State::kFailed:
      return {"✗ ", "31"};
    case plan::State::kRunning:
      return {"▶ ", "36"};
    case plan::State::kQueued:
      return {"… ", ""};
    case plan::State::kCancelled:
      return {"■ ", "33"};
    case plan::State::kSkipped:
      return {"» ", "33"};
  }
  return {};
}

// Of a cell that says how something stands: the name of a state, or that a gate refused.
std::optional<Look> LookOf(std::string_view cell) {
  if (cell == "refused" || cell.starts_with("refused: ")) return Look{"⊘ ", "33"};
  const auto state = plan::ParseState(cell);
  return state ? std::optional(LookOf(*state)) : std::nullopt;
}

// How wide a table is; of its last column, which is cut before another one goes, this much.
std::size_t WidthOf(const std::vector<bool>& shown, const std::vector<std::size_t>& widths,
                    std::size_t last_max) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (!shown[i]) continue;
    width += width > 0 ? 2 : 0;
    width += i + 1 == widths.size() ? std::min(widths[i], last_max) : widths[i];
  }
  return width;
}

// Leaves out columns until there is room for the others, the least needed ones first.
void Fit(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
         std::size_t room, std::vector<bool>& shown) {
  constexpr std::size_t kLastMin = 12;
  while (WidthOf(shown, widths, kLastMin) > room) {
    std::size_t least = columns.size();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const int rank = columns[i].dispensable;
      if (!shown[i] || rank == 0) continue;
      if (least == columns.size() || rank > columns[least].dispensable) least = i;
    }
    if (least == columns.size()) return;
    shown[least] = false;
  }
}

std::string Paint(std::string_view code, std::string_view text) {
  if (!ShowsColours() || code.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace

void Print(std::string_view text) {
  const std::lock_guard lock(TheScreen().mutex);
  if (std::exchange(TheScreen().unfinished, false)) std::fputs("\r\x1b[K", stdout);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    std::_Exit(1);  // as `| head` expects
  }
}

namespace {

void PrintInPlace(std::string_view line, bool is_programs) {
  if (!IsTerminal()) return;
  const std::size_t width = ScreenWidth();
  const std::string shown = OneLine(line, width > 2 ? width - 2 : 78);
  const std::lock_guard lock(TheScreen().mutex);
  Screen& screen = TheScreen();
  if (screen.unfinished && screen.is_programs && !is_programs) return;
  std::fprintf(stdout, "\r\x1b[K%s", is_programs ? shown.c_str() : Dim(shown).c_str());
  std::fflush(stdout);
  screen.unfinished = true;
  screen.is_programs = is_programs;
}

}  // namespace

void PrintUnfinished(std::string_view line) { PrintInPlace(line, true); }

void PrintStatus(std::string_view line) { PrintInPlace(line, false); }

void PrintLine(std::string_view text) { Print(std::string(text) + "\n"); }

void Warn(std::string_view sentence) {
  std::fprintf(stderr, "busker: warning: %s\n", Printable(sentence).c_str());
}

bool IsTerminal() {
  static const bool is_terminal = isatty(STDOUT_FILENO) == 1;
  return is_terminal;
}

std::size_t ScreenWidth() {
  winsize window{};
  const bool known = IsTerminal() && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0;
  return known ? window.ws_col : 0;
}

void ShowColours(std::string_view when) {
  const std::string_view force = Variable("CLICOLOR_FORCE");
  bool wanted = IsTerminal() && Variable("CLICOLOR") != "0" && Variable("TERM") != "dumb";
  if (!force.empty() && force != "0") wanted = true;
  if (!Variable("NO_COLOR").empty()) wanted = false;
  if (!when.empty() && when != "auto") wanted = when == "always";
  TheScreen().colours = wanted;
}

Colours ColoursOfPrograms() { return ShowsColours() ? Colours::kKept : Colours::kDropped; }

std::string Coloured(plan::State state, std::string_view text) {
  return Paint(LookOf(state).colour, text);
}

std::string Dim(std::string_view text) { return Paint("2", text); }

std::string When(Instant at, Instant now) {
  if (!IsTerminal()) return FormatRfc3339(at);
  const Milliseconds apart = at <= now ? now - at : at - now;
  if (apart < std::chrono::seconds(1)) return "now";
  const std::string length =
      apart < std::chrono::minutes(1)
          ? fmt::format("{}s", std::chrono::floor<std::chrono::seconds>(apart).count())
          : FormatDuration(apart);
  return at <= now ? length + " ago" : "in " + length;
}

std::vector<std::string> Lines(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (const std::string& word : Split(text, ' ')) {
    if (word.empty()) continue;
    if (lines.empty() || Width(lines.back()) + 1 + Width(word) > width) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  return lines;
}

namespace {

// A table as it is set: its cells, and what of it is shown.
class SetTable {
 public:
  SetTable(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows)
      : columns_(columns), rows_(rows), room_(ScreenWidth()), shown_(columns.size(), true) {
    for (const Column& column : columns) widths_.push_back(Width(column.name));
    for (const auto& row : rows) AddCells(row);
    if (room_ > 0) ChooseColumns();
  }

  std::string Text() const {
    std::vector<std::string> names;
    for (const Column& column : columns_) names.push_back(column.name);
    std::string text = Dim(Line(names, nullptr)) + "\n";
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      text += Line(cells_[i], &rows_[i]) + "\n";
      if (has_lines_below_) text += LinesBelow(i);
    }
    return text;
  }

 private:
  void AddCells(const std::vector<std::string>& row) {
    auto& cells = cells_.emplace_back();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::size_t width_max =
          IsTerminal() && !columns_[i].sentences ? kCellWidthMax : kWidthMax;
      std::string cell = OneLine(i < row.size() ? row[i] : "", width_max);
      const auto look = IsTerminal() ? LookOf(cell) : std::nullopt;
      if (look) cell.insert(0, look->sign);
      widths_[i] = std::max(widths_[i], Width(cell));
      cells.push_back(std::move(cell));
    }
  }

  void ChooseColumns() {
    for (std::size_t i = 1; i < columns_.size(); ++i) {
      shown_[i] = cells_.empty() || std::any_of(cells_.begin(), cells_.end(),
                                                [&](const auto& row) { return !row[i].empty(); });
    }
    if (!columns_.empty() && columns_.back().sentences && shown_.back()) {
      has_lines_below_ = WidthOf(shown_, widths_, kWidthMax) > room_;
      shown_.back() = !has_lines_below_;
    }
    Fit(columns_, widths_, room_, shown_);
  }

  // `row`: what was to be shown, which a colour goes by; nullptr: of the head.
  std::string Line(const std::vector<std::string>& cells,
                   const std::vector<std::string>* row) const {
    std::string text;
    std::size_t used = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!shown_[i]) continue;
      const bool is_last = i + 1 == columns_.size();
      const std::size_t left = room_ > used + 2 ? room_ - used - 2 : 0;
      const std::string cell = is_last && room_ > 0 && Width(cells[i]) > left && left > 1
                                   ? OneLine(cells[i], left - 1)
                                   : cells[i];
      const std::string blanks(widths_[i] - std::min(widths_[i], Width(cell)), ' ');
      const auto look = row != nullptr && i < row->size() ? LookOf((*row)[i]) : std::nullopt;
      const std::string painted = look ? Paint(look->colour, cell) : cell;
      if (used > 0) text += "  ";
      text += columns_[i].right ? blanks + painted : painted + (is_last ? "" : blanks);
      used += (used > 0 ? 2 : 0) + widths_[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

  std::string LinesBelow(std::size_t row) const {
    constexpr std::size_t kIndent = 2;
    const std::size_t width = room_ > 2 * kIndent ? room_ - kIndent - 1 : 1;
    auto lines = Lines(cells_[row].back(), width);
    if (lines.size() > kLinesBelowMax) {
      lines.resize(kLinesBelowMax);
      lines.back() += " ...";
    }
    const auto look = LookOf(rows_[row].back());
    std::string text;
    for (const std::string& line : lines) {
      const std::string cut = OneLine(line, width);
      text += std::string(kIndent, ' ') + (look ? Paint(look->colour, cut) : cut) + "\n";
    }
    return text;
  }

  const std::vector<Column>& columns_;
  const std::vector<std::vector<std::string>>& rows_;
  const std::size_t room_;  // 0: as much as it takes
  std::vector<bool> shown_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> cells_;
  bool has_lines_below_ = false;
};

}  // namespace

std::string Table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  return SetTable(columns, rows).Text();
}

}  // namespace busker::cli
