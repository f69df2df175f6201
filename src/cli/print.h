// What verbs print: tables for people, JSON for programs, colours only on a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/terminal.h"
#include "base/time.h"
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

// The same of a line of Busker's own, which gives way to that of a program.
void PrintStatus(std::string_view line);

bool IsTerminal();          // standard output is one
std::size_t ScreenWidth();  // its columns; 0: not known, or it is none

// Whether there are colours from now on: "always", "never"; else on a terminal, unless NO_COLOR or
// CLICOLOR=0 or TERM=dumb say otherwise, and with CLICOLOR_FORCE everywhere.
void ShowColours(std::string_view when);

// Of a program's output: with its colours where Busker's own are shown.
Colours ColoursOfPrograms();

// `text` in the colour of a state, where colours are shown.
std::string Coloured(plan::State state, std::string_view text);
std::string Dim(std::string_view text);

// When something was: on a terminal how long ago ("4m 05s ago", "in 2h 03m"), elsewhere RFC 3339.
std::string When(Instant at, Instant now = Now());

struct Column {
  std::string name;
  bool right = false;  // numbers
  // On a terminal that is too narrow for all, columns of the highest number go first; 0: never.
  int dispensable = 0;
  // Of the last column: sentences. On a terminal without room for them they stand below their rows.
  bool sentences = false;
};

// `text` in lines of at most `width` characters, broken at blanks where there are some.
std::vector<std::string> Lines(std::string_view text, std::size_t width);

// A table with a head, blanks between columns; cells are made safe for a terminal. On a terminal
// they are cut to 60 characters, or to what room the last column has, sentences to three lines;
// columns without a value are left out; and a cell that names a state, or says that a gate refused,
// has a colour and a sign. Widths count characters, not bytes.
std::string Table(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows);

}  // namespace busker::cli
