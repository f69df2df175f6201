// How stores say the same things, for their own use.
#pragma once

#include <string>
#include <string_view>

#include "artifact/store.h"

namespace busker::artifact {

tl::unexpected<Error> NothingUnder(const Store& store, const std::string& key);

// What Verify says of the first value that is another.
tl::unexpected<Error> NotWhatWasStored(const Store& store, const std::string& key,
                                       std::string_view why);

}  // namespace busker::artifact
