// The error in what a program wrote, in the shapes in which languages print it.
#pragma once

#include <string>
#include <vector>

namespace busker::runner {

// The lines that tell the error, without the calls that led to it: of Python the exception with its
// whole message (of a chain the last, of a group also those in it), of Java and JavaScript also
// what caused it, and what R, Go, Rust, C++, Ruby, Julia and PHP say. Empty: no such thing is
// there.
std::vector<std::string> ErrorAtTheEnd(const std::vector<std::string>& lines);

}  // namespace busker::runner
