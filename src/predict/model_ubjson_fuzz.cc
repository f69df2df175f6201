// Any bytes as a model's file in UBJSON: it is refused with a sentence, or answers for any row.
#include "predict/model_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return busker::predict::FuzzModel(
      busker::predict::MakeUbjsonReader({reinterpret_cast<const char*>(data), size}));
}
