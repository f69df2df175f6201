// Keys of an artifact store: what may be one.
#pragma once

#include <string_view>

#include "base/result.h"

namespace busker::artifact {

// A key is a plain relative path: parts joined by '/', UTF-8, no control characters, at most 1024
// bytes and 255 a part. Refused as kInvalid: an empty or absolute key, empty parts, "." and "..",
// and parts that begin with ".tmp-", which are Busker's own unfinished files.
Result<void> CheckKey(std::string_view key);

}  // namespace busker::artifact
