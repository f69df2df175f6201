// Masking secrets in a stream: what a program writes, without what it was to keep to itself.
//
// All patterns are looked for at once (Aho-Corasick: a tree of the patterns' beginnings, where each
// node knows the longest other beginning that its text ends with). Held back is the longest end of
// what has come that is the beginning of a pattern, and nothing else: so a secret is masked
// wherever it is cut into writes, however slowly they come, and any other byte passes at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace busker::runner {

inline constexpr std::string_view kMask = "***";

// The patterns, made ready to be looked for. About 24 bytes of memory for each of theirs that no
// two share.
class Patterns {
 public:
  Patterns() : Patterns(std::vector<std::string>()) {}
  // Those of fewer than two bytes are passed over.
  explicit Patterns(const std::vector<std::string>& patterns);

  bool empty() const { return nodes_.size() == 1; }

 private:
  friend class MaskedStream;
  struct Node {
    std::uint32_t child = 0, sibling = 0;
    std::uint32_t fallback = 0;  // of the longest beginning that this one ends with
    std::uint32_t length = 0;    // of the longest pattern that ends here; 0: none
    std::uint32_t depth = 0;
    unsigned char byte = 0;
  };
  using Row = std::array<std::uint32_t, 256>;

  std::uint32_t ChildOf(std::uint32_t node, unsigned char byte) const;
  std::uint32_t Add(std::uint32_t parent, unsigned char byte);
  void Insert(std::string_view pattern);
  void Link();

  // The node for what has come once `byte` has, too. Nearly every byte of a text is dealt with by a
  // row: those of the root and of its children, which are the first nodes, are spelled out.
  std::uint32_t Step(std::uint32_t node, unsigned char byte) const {
    while (node >= rows_.size()) {
      for (std::uint32_t child = nodes_[node].child; child != 0; child = nodes_[child].sibling) {
        if (nodes_[child].byte == byte) return child;
      }
      node = nodes_[node].fallback;
    }
    return rows_[node][byte];
  }

  std::vector<Node> nodes_;
  std::vector<Row> rows_;
};

// One stream. What each stretch of overlapping occurrences of patterns covers becomes one kMask.
class MaskedStream {
 public:
  using Use = std::function<void(std::string_view)>;

  explicit MaskedStream(const Patterns& patterns) : patterns_(patterns) {}

  // Hands on what may be shown now. Without patterns that is `bytes` itself.
  void Add(std::string_view bytes, const Use& use);
  // Nothing more comes: hands on the rest.
  void End(const Use& use);
  // Bytes that wait for those behind them.
  std::size_t held_bytes() const { return held_.size(); }

 private:
  struct Mask {
    std::uint64_t begin, end;  // of the stream
    bool told;                 // kMask was handed on
  };
  void Cover(std::uint64_t begin, std::uint64_t end);
  void Release(std::string_view bytes, std::uint64_t up_to, const Use& use);
  void Give(std::string_view bytes, std::uint64_t begin, std::uint64_t end);

  const Patterns& patterns_;
  std::uint32_t node_ = 0;
  std::uint64_t released_ = 0;  // bytes of the stream that were handed on or masked
  std::string held_;            // what came behind them
  std::vector<Mask> masks_;     // that end behind them, in order, none overlapping
  std::string ready_;
};

// A whole text, masked.
std::string Masked(const Patterns& patterns, std::string_view text);

}  // namespace busker::runner
