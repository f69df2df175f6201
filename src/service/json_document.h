// A JSON document (RFC 8259) as the tree of document.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "service/document.h"

namespace busker::service {

// Parses a whole document whose top is an object. A text that is no JSON, one of more than
// `bytes_max`, with more than kJsonValuesMax values or nested deeper than kDocumentDepthMax is one
// fault and nullopt. A key that an object has twice is a fault, and the tree is there.
std::optional<Node> ParseJsonDocument(std::string_view text, std::size_t bytes_max, Faults& faults);

inline constexpr int kJsonValuesMax = 500'000;

}  // namespace busker::service
