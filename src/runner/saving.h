// After the command: is what it left in output/ what was asked for, and is it stored?
#pragma once

#include <string>

#include "artifact/version.h"
#include "attempt/exit_record.h"
#include "attempt/order.h"
#include "base/result.h"
#include "runner/working_folder.h"

namespace busker::runner {

// Saves the working folder's output/ as version order.output, after checking that each of
// order.required_outputs is there, is not empty and was written by the command. The error is the
// message for the exit record. `saved_at` goes into the manifest.
Result<artifact::Manifest> SaveOutput(const attempt::Order& order, artifact::Store& store,
                                      const io::fs::path& work, const WorkingFolder& made,
                                      Instant saved_at, const io::Interrupt& interrupt);

// Notes in the record which version was saved and how large it is.
void NoteOutput(const artifact::Manifest& manifest, attempt::ExitRecord& record);

// The version that this very attempt has saved, should it be there: the evidence that it succeeded
// although its exit record is missing.
Result<std::optional<artifact::Manifest>> FindOwnOutput(const attempt::Order& order,
                                                        artifact::Store& store,
                                                        const io::Interrupt& interrupt);

}  // namespace busker::runner
