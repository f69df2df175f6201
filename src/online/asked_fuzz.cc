// Fuzzes what strangers ask a model: the first byte says in which form the rest is. Whatever comes,
// it is read as whole rows or refused with a sentence, and takes no more memory than its own size
// allows.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "online/tabular.h"
#include "online/unpack.h"
#include "online/v2_tensors.h"

namespace busker::online {
namespace {

constexpr std::size_t kRows = 50;

predict::Signature Everything() {
  predict::Signature signature;
  signature.outputs = {"a", "b"};
  for (const auto type : {predict::Type::kNumber, predict::Type::kInteger, predict::Type::kBoolean,
                          predict::Type::kCategory, predict::Type::kDate}) {
    predict::Input input;
    input.name = std::string(1, static_cast<char>('a' + signature.inputs.size()));
    input.type = type;
    input.missing = type == predict::Type::kNumber;
    if (type == predict::Type::kCategory) input.categories = {"x", "y"};
    signature.inputs.push_back(input);
  }
  return signature;
}

template <typename T>
void CheckFault(const Result<T>& result) {
  CHECK(result || (!result.error().message.empty() && result.error().message.size() < 2000 &&
                   result.error().message.find('\n') == std::string::npos),
        "a fault is one sentence");
}

void CheckRows(const predict::Rows& rows, std::size_t columns) {
  CHECK(rows.size <= kRows && rows.values.size() == rows.size * columns, "rows are whole");
}

void Ask(std::uint8_t form, std::string_view text) {
  const predict::Signature signature = Everything();
  predict::InstanceReader reader(signature, kRows);
  const std::size_t columns = signature.inputs.size();
  if (form % 8 < 4) {
    const auto asked = form % 8 == 0   ? ReadTabular(text, Forms::kTensorFlow, reader)
                       : form % 8 == 1 ? ReadTabular(text, Forms::kMlflow, reader)
                                       : ReadCsv(text, form % 8 == 2, reader);
    CheckFault(asked);
    if (asked) CheckRows(asked->rows, columns);
  } else if (form % 8 < 6) {
    std::optional<std::size_t> json_bytes;
    if (form % 8 == 5) json_bytes = std::min(text.find('\0'), text.size());
    const auto asked = ReadV2(text, json_bytes, reader);
    CheckFault(asked);
    if (!asked) return;
    CheckRows(asked->rows, columns);
    const std::vector<float> values(asked->rows.size * 2, 0.5F);
    const V2Answer answer = WriteV2(*asked, "m", "v", signature, values);
    CHECK(answer.json_bytes <= answer.body.size(), "the JSON is within the answer");
  } else {
    const auto unpacked = Unpack(text, form % 8 == 6 ? "gzip" : "deflate", 100'000);
    CheckFault(unpacked);
    CHECK(!unpacked || unpacked->size() <= 100'000, "unpacking has a limit");
  }
}

}  // namespace
}  // namespace busker::online

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  busker::online::Ask(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
