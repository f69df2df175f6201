// What is wrong with a service, and where: "busker.toml:7:3: unknown key ...".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace busker::service {

// A place in a file: line and column in characters, both from 1. Line 0: the file as a whole.
struct Position {
  int line = 0;
  int column = 0;
};

struct Fault {
  std::string file;  // relative to the service's folder
  Position at;
  std::string message;
};

std::string ToString(const Fault& fault);

// Faults as they are found; `Sorted` has them in the order of the file.
class Faults {
 public:
  void Add(std::string file, Position at, std::string message);
  void Add(Position at, std::string message);  // in busker.toml

  bool empty() const { return faults_.empty(); }
  std::vector<Fault> Sorted() const;  // busker.toml first, then other files by name

 private:
  std::vector<Fault> faults_;
};

inline constexpr char kServiceFile[] = "busker.toml";

// A text from a file, in quotes and safe to print: control characters shown, the middle of a long
// one left out.
std::string Quoted(std::string_view text);

}  // namespace busker::service
