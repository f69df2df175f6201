// What a test (an action with input = "candidate") found of a version, when it looked last.
#ifndef BUSKER_PREPARE_TEST_OF_VERSION_H_
#define BUSKER_PREPARE_TEST_OF_VERSION_H_

#include <optional>
#include <string>

#include "artifact/store.h"
#include "artifact/version.h"
#include "base/result.h"
#include "io/interrupt.h"

namespace busker::prepare {

// By the instants at which tests were saved, not by their names: two of one second have names in
// no order. Reads the manifest of each test that there is. nullopt: `action` never tested
// `version`.
Result<std::optional<artifact::Manifest>> LastTest(artifact::Store& store,
                                                   const artifact::VersionName& version,
                                                   const std::string& action,
                                                   const io::Interrupt& interrupt);

}  // namespace busker::prepare

#endif  // BUSKER_PREPARE_TEST_OF_VERSION_H_
