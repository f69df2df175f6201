#include "cli/gate_word.h"

namespace busker::cli {

GateWord WordOf(const record::RunRow& run, prepare::Rulings& rulings) {
  GateWord word{std::string(NameOf(run.state)), run.message, false};
  if (run.state != plan::State::kSucceeded) return word;
  const auto ruling = rulings.Of(run);
  if (!ruling) {
    word.why = ruling.error().message;
  } else if (*ruling && !(*ruling)->passed) {
    word = {"refused", prepare::Sentence(**ruling), true};
  } else if (*ruling && (*ruling)->waits) {
    word.why = prepare::Sentence(**ruling);
    word.waited = true;
  }
  return word;
}

}  // namespace busker::cli
