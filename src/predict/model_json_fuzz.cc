// Any bytes as a model's file in JSON: it is refused with a sentence, or answers for any row.
#include "predict/model_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return busker::predict::FuzzModel(
      busker::predict::MakeJsonReader({reinterpret_cast<const char*>(data), size}));
}
