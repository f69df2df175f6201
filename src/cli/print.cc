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

constexpr std::size_t kCellWidthMax = 60;

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

// Which columns there is room for, the least needed ones left out first.
std::vector<bool> Fitting(const std::vector<Column>& columns,
                          const std::vector<std::size_t>& widths, std::size_t room) {
  constexpr std::size_t kLastMin = 12;  // the last column is cut before another one goes
  std::vector<bool> shown(columns.size(), true);
  for (;;) {
    std::size_t width = 0;
    std::size_t least = columns.size();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!shown[i]) continue;
      width +=
          (i > 0 ? 2 : 0) + (i + 1 == columns.size() ? std::min(widths[i], kLastMin) : widths[i]);
      const int rank = columns[i].dispensable;
      if (rank > 0 && (least == columns.size() || rank > columns[least].dispensable)) least = i;
    }
    if (width <= room || least == columns.size()) return shown;
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

std::string Table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  const std::size_t width_max = IsTerminal() ? kCellWidthMax : 10'000;
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) widths.push_back(Width(column.name));
  for (const auto& row : rows) {
    auto& line = cells.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      std::string cell = OneLine(i < row.size() ? row[i] : "", width_max);
      const auto look = IsTerminal() ? LookOf(cell) : std::nullopt;
      if (look) cell.insert(0, look->sign);
      widths[i] = std::max(widths[i], Width(cell));
      line.push_back(std::move(cell));
    }
  }
  const std::size_t room = ScreenWidth();
  const std::vector<bool> shown =
      room > 0 ? Fitting(columns, widths, room) : std::vector<bool>(columns.size(), true);
  std::string table;
  const auto add_line = [&](const std::vector<std::string>& line,
                            const std::vector<std::string>* row) {
    std::string text;
    std::size_t used = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!shown[i]) continue;
      const bool is_last = i + 1 == columns.size();
      const std::size_t left = room > used + 2 ? room - used - 2 : 0;
      const std::string cell = is_last && room > 0 && Width(line[i]) > left && left > 1
                                   ? OneLine(line[i], left - 1)
                                   : line[i];
      const std::string blanks(widths[i] - std::min(widths[i], Width(cell)), ' ');
      const auto look = row != nullptr && i < row->size() ? LookOf((*row)[i]) : std::nullopt;
      const std::string painted = look ? Paint(look->colour, cell) : cell;
      if (used > 0) text += "  ";
      text += columns[i].right ? blanks + painted : painted + (is_last ? "" : blanks);
      used += (used > 0 ? 2 : 0) + widths[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    table += (row == nullptr ? Dim(text) : text) + "\n";
  };
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  add_line(names, nullptr);
  for (std::size_t i = 0; i < cells.size(); ++i) add_line(cells[i], &rows[i]);
  return table;
}

}  // namespace busker::cli
