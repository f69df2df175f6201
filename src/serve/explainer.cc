#include "serve/explainer.h"

namespace busker::serve {
namespace {

using std::chrono::steady_clock;

// In trouble it may turn all the same, when there is room for its own record.
constexpr Milliseconds kLimit{1000}, kLimitInTrouble{100}, kPlaceLimit{200};
// What was asked in vain still waits for the conductor: so it is not asked again and again.
constexpr Milliseconds kPause{5000};

}  // namespace

Result<std::string> Explainer::Explain(const std::string& what, const std::string& task) {
  const Turnstile::Place place = waiting_.Enter(kPlaceLimit);
  if (!place || steady_clock::now() < silent_until_.load()) return Unknown();
  const bool in_trouble = !requests_.Health().trouble.empty();
  auto explained = requests_.Within(in_trouble ? kLimitInTrouble : kLimit).Explain(what, task);
  if (explained || explained.error().kind != ErrorKind::kTemporary) return explained;
  silent_until_ = steady_clock::now() + kPause;
  return Unknown();
}

tl::unexpected<Error> Explainer::Unknown() const {
  const std::string trouble = requests_.Health().trouble;
  return Temporary("where it stands cannot be told at the moment: " +
                   (trouble.empty() ? "Busker is busy; ask again" : trouble));
}

}  // namespace busker::serve
