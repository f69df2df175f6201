// Requests and answers of the Open Inference Protocol v2, in JSON and in its binary form, as
// values.
//
// A table is sent as one tensor for each input, of shape [n] or [n, 1], by name; or as one tensor
// of shape [n, inputs], in the signature's order. An element means what a value in JSON means:
// BYTES is a text, BOOL is true or false, all others are numbers.
//
// https://github.com/kserve/open-inference-protocol (inference_rest.md); the binary form:
// https://docs.nvidia.com/deeplearning/triton-inference-server (Binary Tensor Data Extension)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "predict/instances.h"

namespace busker::online {

struct V2Output {
  std::string name;
  bool is_binary = false;
};

struct V2Request {
  std::string id;  // empty: none
  predict::Rows rows;
  std::vector<V2Output> outputs;  // that were asked for; all, when none were
};

// `json_bytes`: so long is the JSON at the front of the body, tensors in binary follow it; nullopt:
// the body is JSON. kInvalid names the tensor and the element.
Result<V2Request> ReadV2(std::string_view body, std::optional<std::size_t> json_bytes,
                         predict::InstanceReader& reader);

// The body of an answer; `json_bytes` is 0 when it is all JSON.
struct V2Answer {
  std::string body;
  std::size_t json_bytes = 0;
};
V2Answer WriteV2(const V2Request& request, std::string_view model, std::string_view version,
                 const predict::Signature& signature, const std::vector<float>& values);

// "FP32": what an input is sent as best.
std::string_view DatatypeOf(predict::Type type);

}  // namespace busker::online
