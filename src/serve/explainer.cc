#include "serve/explainer.h"

namespace busker::serve {
namespace {

constexpr Milliseconds kLimit{1000}, kPlaceLimit{200};
constexpr char kUnknown[] = "where it stands cannot be told at the moment: ";

}  // namespace

Result<std::string> Explainer::Explain(const std::string& what, const std::string& task) {
  if (const std::string trouble = requests_.Health().trouble; !trouble.empty()) {
    return Temporary(kUnknown + trouble);
  }
  const Turnstile::Place place = waiting_.Enter(kPlaceLimit);
  if (!place) return Temporary(std::string(kUnknown) + "Busker is busy; ask again");
  auto explained = requests_.Within(kLimit).Explain(what, task);
  if (explained || explained.error().kind != ErrorKind::kTemporary) return explained;
  const std::string trouble = requests_.Health().trouble;
  return Temporary(kUnknown + (trouble.empty() ? "Busker is busy; ask again" : trouble));
}

}  // namespace busker::serve
