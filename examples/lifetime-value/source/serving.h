#pragma once

#include <filesystem>
#include <span>

#include "features.h"
#include "result.h"

// What who serves the model needs beside it, in the same folder:
//
// - signature.json: what of the inputs the model's file does not say, that `overdue` may be
// missing;
// - serving_sample.json: up to a hundred of `features` with this program's own predictions, by
// which
//   who serves the model sees that it answers the same, bit for bit.
//
// The predictions are those of `model_file` as it is read back: what is served is the file.
Result<void> WriteForServing(const std::filesystem::path& model_file,
                             std::span<const Features> features);
