// What is wrong with a service, and where: "busker.toml:7:3: unknown key ...".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace busker::service {

// A place in a file: line and column in characters, both from 1. Line 0: the file as a whole.
struct Position {
  int line = 0;
  int column = 0;
};

struct Fault {
  std::string file;  // relative to the service's folder; a graph file as it was given
  Position at;
  std::string message;
};

std::string ToString(const Fault& fault);

inline constexpr char kServiceFile[] = "busker.toml";
inline constexpr std::size_t kFaultsMax = 1000;

// Faults as they are found; `Sorted` has them in the order of the file. The first kFaultsMax are
// kept: nobody reads more.
class Faults {
 public:
  explicit Faults(std::string main_file = kServiceFile) : main_file_(std::move(main_file)) {}

  void Add(std::string file, Position at, std::string message);
  void Add(Position at, std::string message);  // in the main file

  bool empty() const { return faults_.empty(); }
  bool full() const { return faults_.size() >= kFaultsMax; }
  std::vector<Fault> Sorted() const;  // of the main file first, then other files by name
  std::vector<std::string> Sentences() const;

  // What may not be meant so, and is no fault.
  void Warn(Position at, std::string message);
  std::vector<std::string> Warnings() const;  // sentences, in the order of the file

 private:
  std::vector<Fault> InOrder(const std::vector<Fault>& some) const;

  std::string main_file_;
  std::vector<Fault> faults_, warnings_;
};

// A text from a file, in quotes and safe to print: control characters shown, the middle of a long
// one left out.
std::string Quoted(std::string_view text);

}  // namespace busker::service
