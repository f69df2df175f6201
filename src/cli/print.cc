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
  std::mutex mutex;         // several threads follow logs
  bool unfinished = false;  // a line stands there that the next one takes the place of
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

bool ShowsColours() {
  static const bool wanted = std::getenv("NO_COLOR") == nullptr;
  return IsTerminal() && wanted;
}

std::string Paint(std::string_view code, std::string_view text) {
  if (!ShowsColours()) return std::string(text);
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

void PrintUnfinished(std::string_view line) {
  if (!IsTerminal()) return;
  winsize window{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
  const std::string shown = OneLine(line, known ? window.ws_col - 2U : 78U);
  const std::lock_guard lock(TheScreen().mutex);
  std::fprintf(stdout, "\r\x1b[K%s", shown.c_str());
  std::fflush(stdout);
  TheScreen().unfinished = true;
}

void PrintLine(std::string_view text) { Print(std::string(text) + "\n"); }

void Warn(std::string_view sentence) {
  std::fprintf(stderr, "busker: warning: %s\n", Printable(sentence).c_str());
}

bool IsTerminal() {
  static const bool is_terminal = isatty(STDOUT_FILENO) == 1;
  return is_terminal;
}

Colours ColoursOfPrograms() { return ShowsColours() ? Colours::kKept : Colours::kDropped; }

std::string Coloured(plan::State state, std::string_view text) {
  switch (state) {
    case plan::State::kSucceeded:
      return Paint("32", text);
    case plan::State::kFailed:
      return Paint("31", text);
    case plan::State::kRunning:
      return Paint("36", text);
    case plan::State::kCancelled:
    case plan::State::kSkipped:
      return Paint("33", text);
    case plan::State::kQueued:
      return std::string(text);
  }
  return std::string(text);
}

std::string Dim(std::string_view text) { return Paint("2", text); }

std::string Table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  const std::size_t width_max = IsTerminal() ? kCellWidthMax : 10'000;
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) widths.push_back(Width(column.name));
  for (const auto& row : rows) {
    auto& line = cells.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      line.push_back(OneLine(i < row.size() ? row[i] : "", width_max));
      widths[i] = std::max(widths[i], Width(line.back()));
    }
  }
  std::string table;
  const auto add_line = [&](const std::vector<std::string>& line, bool head) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string blanks(widths[i] - Width(line[i]), ' ');
      if (i > 0) text += "  ";
      text += columns[i].right ? blanks + line[i] : line[i] + blanks;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    table += (head ? Dim(text) : text) + "\n";
  };
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  add_line(names, true);
  for (const auto& line : cells) add_line(line, false);
  return table;
}

}  // namespace busker::cli
