// The only file that knows which stores there are.
#include <fmt/core.h>

#include <array>
#include <vector>

#include "artifact/clearable_store.h"
#include "artifact/directory_store.h"
#include "artifact/gcs_store.h"
#include "artifact/store.h"
#include "base/text.h"
#include "cloud/google_access.h"

namespace busker::artifact {
namespace {

struct Kind {
  std::string_view begin, shown;  // of its URLs; the latter to who has none of them
  Result<void> (*check)(const std::string& url);
  Result<std::unique_ptr<Store>> (*open)(const std::string& url);
  std::span<const char* const> variables;
};

constexpr std::array kKinds = {
    Kind{"file:///", "file:///absolute/folder", CheckDirectoryUrl, OpenDirectoryUrl, {}},
    Kind{"gs://", "gs://BUCKET", CheckGcsUrl, OpenGcsUrl, cloud::kGoogleVariables},
};

Result<const Kind*> KindOf(const std::string& url) {
  std::vector<std::string> shown;
  for (const Kind& kind : kKinds) {
    if (url.starts_with(kind.begin)) return &kind;
    shown.emplace_back(kind.shown);
  }
  return Invalid(fmt::format("\"{}\" is not an artifact store; there is {}", Printable(url),
                             Join(shown, " and ")));
}

}  // namespace

Result<void> CheckStoreUrl(const std::string& url) {
  TRY_ASSIGN(const Kind* const kind, KindOf(url));
  return kind->check(url);
}

Result<std::unique_ptr<Store>> OpenStore(const std::string& url) {
  TRY_ASSIGN(const Kind* const kind, KindOf(url));
  return kind->open(url);
}

Result<std::unique_ptr<ClearableStore>> OpenClearableStore(const std::string& url) {
  TRY_ASSIGN(auto store, OpenStore(url));
  auto* const clearable = dynamic_cast<ClearableStore*>(store.get());
  if (clearable == nullptr) return Invalid(url + " is not a store that can be cleared");
  (void)store.release();
  return std::unique_ptr<ClearableStore>(clearable);
}

std::span<const char* const> StoreVariables() {
  static const std::vector<const char*> variables = [] {
    std::vector<const char*> all;
    for (const Kind& kind : kKinds) {
      all.insert(all.end(), kind.variables.begin(), kind.variables.end());
    }
    return all;
  }();
  return variables;
}

}  // namespace busker::artifact
