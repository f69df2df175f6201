#include "runner/masker.h"

#include <algorithm>

namespace busker::runner {

Patterns::Patterns(const std::vector<std::string>& patterns) : nodes_(1) {
  for (const std::string& pattern : patterns) {
    const unsigned char first = pattern.empty() ? '\0' : static_cast<unsigned char>(pattern[0]);
    if (pattern.size() >= 2 && ChildOf(0, first) == 0) Add(0, first);
  }
  rows_.resize(nodes_.size());
  for (const std::string& pattern : patterns) {
    if (pattern.size() >= 2) Insert(pattern);
  }
  Link();
}

std::uint32_t Patterns::ChildOf(std::uint32_t node, unsigned char byte) const {
  for (std::uint32_t child = nodes_[node].child; child != 0; child = nodes_[child].sibling) {
    if (nodes_[child].byte == byte) return child;
  }
  return 0;
}

std::uint32_t Patterns::Add(std::uint32_t parent, unsigned char byte) {
  const auto added = static_cast<std::uint32_t>(nodes_.size());
  Node node;
  node.sibling = nodes_[parent].child;
  node.depth = nodes_[parent].depth + 1;
  node.byte = byte;
  nodes_.push_back(node);
  nodes_[parent].child = added;
  return added;
}

void Patterns::Insert(std::string_view pattern) {
  std::uint32_t node = 0;
  for (const char c : pattern) {
    const auto byte = static_cast<unsigned char>(c);
    const std::uint32_t child = ChildOf(node, byte);
    node = child != 0 ? child : Add(node, byte);
  }
  nodes_[node].length = nodes_[node].depth;
}

// Level by level, since a node falls back to one that is nearer to the root.
void Patterns::Link() {
  for (std::uint32_t child = nodes_[0].child; child != 0; child = nodes_[child].sibling) {
    rows_[0][nodes_[child].byte] = child;
  }
  for (std::uint32_t node = 1; node < rows_.size(); ++node) {
    rows_[node] = rows_[0];
    for (std::uint32_t child = nodes_[node].child; child != 0; child = nodes_[child].sibling) {
      rows_[node][nodes_[child].byte] = child;
    }
  }
  std::vector<std::uint32_t> level;
  for (std::uint32_t node = 1; node < rows_.size(); ++node) level.push_back(node);
  while (!level.empty()) {
    std::vector<std::uint32_t> next;
    for (const std::uint32_t node : level) {
      for (std::uint32_t child = nodes_[node].child; child != 0; child = nodes_[child].sibling) {
        nodes_[child].fallback = Step(nodes_[node].fallback, nodes_[child].byte);
        const std::uint32_t ends_with = nodes_[nodes_[child].fallback].length;
        if (nodes_[child].length == 0) nodes_[child].length = ends_with;
        next.push_back(child);
      }
    }
    level = std::move(next);
  }
}

void MaskedStream::Add(std::string_view bytes, const Use& use) {
  if (bytes.empty()) return;
  if (patterns_.empty()) return use(bytes);
  const std::uint64_t begin = released_ + held_.size();
  const auto& nodes = patterns_.nodes_;
  std::uint32_t node = node_;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    node = patterns_.Step(node, static_cast<unsigned char>(bytes[i]));
    if (node < patterns_.rows_.size()) continue;  // of one byte at most: no pattern
    const std::uint32_t length = nodes[node].length;
    if (length > 0) Cover(begin + i + 1 - length, begin + i + 1);
  }
  node_ = node;
  Release(bytes, begin + bytes.size() - nodes[node].depth, use);
}

void MaskedStream::End(const Use& use) {
  node_ = 0;
  Release({}, released_ + held_.size(), use);
}

// An occurrence begins at or behind released_, for until its last byte came it was held back.
void MaskedStream::Cover(std::uint64_t begin, std::uint64_t end) {
  Mask mask{begin, end, false};
  while (!masks_.empty() && masks_.back().end > mask.begin) {
    mask.begin = std::min(mask.begin, masks_.back().begin);
    mask.told = mask.told || masks_.back().told;
    masks_.pop_back();
  }
  masks_.push_back(mask);
}

void MaskedStream::Release(std::string_view bytes, std::uint64_t up_to, const Use& use) {
  const std::uint64_t end = released_ + held_.size() + bytes.size();
  if (held_.empty() && masks_.empty()) {  // nothing to put together
    const std::string_view shown = bytes.substr(0, up_to - released_);
    held_ = bytes.substr(shown.size());
    released_ = up_to;
    if (!shown.empty()) use(shown);
    return;
  }
  std::uint64_t at = released_;
  for (Mask& mask : masks_) {
    if (mask.begin >= up_to) break;
    Give(bytes, at, std::max(at, mask.begin));
    if (!mask.told) ready_ += kMask;
    mask.told = true;
    at = std::max(at, std::min(mask.end, up_to));
  }
  Give(bytes, at, up_to);
  std::string shown;
  std::swap(shown, ready_);
  Give(bytes, up_to, end);
  std::swap(held_, ready_);
  ready_.clear();
  released_ = up_to;
  std::erase_if(masks_, [&](const Mask& mask) { return mask.end <= up_to; });
  if (!shown.empty()) use(shown);
}

// Adds what stands there, in what is held back and then in `bytes`, to ready_.
void MaskedStream::Give(std::string_view bytes, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t middle = released_ + held_.size();
  if (begin < std::min(end, middle)) {
    ready_.append(held_, begin - released_, std::min(end, middle) - begin);
  }
  const std::uint64_t from = std::max(begin, middle);
  if (from < end) ready_.append(bytes.substr(from - middle, end - from));
}

std::string Masked(const Patterns& patterns, std::string_view text) {
  std::string masked;
  MaskedStream stream(patterns);
  const auto add = [&](std::string_view bytes) { masked += bytes; };
  stream.Add(text, add);
  stream.End(add);
  return masked;
}

}  // namespace busker::runner
