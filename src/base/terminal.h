// What a terminal would show of a program's line, made safe: nothing of it moves the cursor, sets a
// title, turns the direction of writing or reads from the keyboard.
#pragma once

#include <string>
#include <string_view>

namespace busker {

enum class Colours { kDropped, kKept };

// Of a line, without its line end: what stands behind the last carriage return that has text behind
// it; backspaces carried out; escape sequences left out, but for colours (SGR) when they are kept,
// which then end with the line. The rest is as Printable (base/text.h) has it.
std::string ShownLine(std::string_view line, Colours colours);

// Of something that others chose a part of, for a log of one line each: as Printable (base/text.h)
// has it, with line ends and tabs as \n and \t. So nobody can add a line.
std::string LogLine(std::string_view text);

}  // namespace busker
