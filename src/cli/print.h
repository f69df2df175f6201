// What verbs print: tables for people, JSON for programs, colours only on a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/terminal.h"
#include "plan/run.h"

namespace busker::cli {

// Writes to standard output; ends the program quietly when nobody reads it any more.
void Print(std::string_view text);
void PrintLine(std::string_view text);

// A line on standard error: "busker: warning: ...".
void Warn(std::string_view sentence);

// The line of a program that has not ended: on a terminal it stands there until something else is
// printed. No line end, no more than the terminal is wide. Elsewhere nothing.
void PrintUnfinished(std::string_view line);

bool IsTerminal();  // standard output is one

// Of a program's output: with its colours where Busker's own are shown.
Colours ColoursOfPrograms();

// `text` in the colour of a state, where colours are shown.
std::string Coloured(plan::State state, std::string_view text);
std::string Dim(std::string_view text);

struct Column {
  std::string name;
  bool right = false;  // numbers
};

// A table with a head, blanks between columns; cells are made safe for a terminal, and on a
// terminal cut to 60 characters. Widths count characters, not bytes.
std::string Table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows);

}  // namespace busker::cli
