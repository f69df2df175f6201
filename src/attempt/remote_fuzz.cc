// Any bytes as what is found in the artifact store of an attempt on a machine elsewhere: its name,
// the start fence, sealed secrets. What is taken is written the same again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "attempt/remote.h"
#include "attempt/sealed_secrets.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace attempt = busker::attempt;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto name = attempt::ParseRemoteName(text)) {
    const auto again = attempt::ParseRemoteName(name->Text());
    CHECK(again && again->Text() == name->Text(), "a name is read as it is written");
  }
  if (const auto start = attempt::StartFromJson(text)) {
    const std::string written = attempt::StartToJson(*start);
    const auto again = attempt::StartFromJson(written);
    CHECK(again && attempt::StartToJson(*again) == written, "a fence is read as it is written");
  }
  static const auto key = attempt::SecretsKey::Make();
  CHECK(key, "OpenSSL can make a key");
  CHECK(!key->Open(text, {"home", {"run", "task", 1}}), "nobody seals by chance");
  (void)attempt::SealSecrets(std::vector<std::string>{"value"}, text, {"home", {"run", "task", 1}});
  return 0;
}
