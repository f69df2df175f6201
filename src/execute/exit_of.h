// How an attempt ended, by its folder: what executors of this machine have in common.
#pragma once

#include <optional>

#include "attempt/exit_record.h"
#include "attempt/name.h"
#include "base/result.h"
#include "io/file.h"

namespace busker::execute {

// nullopt: it has not. kUnusable: what is there is of another attempt.
Result<std::optional<attempt::ExitRecord>> ReadExitOf(const attempt::Name& name,
                                                      const io::fs::path& folder);

// Of an attempt that may have begun, and of which no record can be had for that reason.
tl::unexpected<Error> Unknown(const Error& error);

}  // namespace busker::execute
