// Any bytes as signature.json: refused with a sentence, or the same again after it was written.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "predict/signature.h"

namespace {

using busker::predict::ParseSignature;
using busker::predict::Signature;

void Read(const std::string& text, const Signature& of_model) {
  const auto read = ParseSignature(text, of_model);
  if (!read) {
    CHECK(!read.error().message.empty(), "a fault is told");
    return;
  }
  CHECK(read->inputs.size() == of_model.inputs.size(), "a model takes what it takes");
  const auto again = ParseSignature(ToJson(*read), of_model);
  CHECK(again && ToJson(*again) == ToJson(*read), "what is written is read the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Signature of_model;
  of_model.inputs.resize(2);
  of_model.outputs = {"prediction"};
  Read(text, of_model);
  of_model.inputs[0].name = "age";
  of_model.inputs[1].name = "plan";
  Read(text, of_model);
  return 0;
}
