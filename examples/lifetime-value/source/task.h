#pragma once

#include <filesystem>

#include "config.h"
#include "result.h"

// The three actions. Each reads the purchases up to its data date D, does one thing, and leaves
// its files in the folder `output`, which it makes if it is not there.

// Learns whether customers buy again within the horizon H.
//
// What happened in (c, c + H] is the label of a customer known at the cut-off c, so the latest
// cut-off is D - H; earlier ones, a step apart, give more examples. The customers are split once,
// by a hash of their id: those held out are in no example at any cut-off, and the metrics are of
// them, at the latest cut-off.
//
// Leaves `model.ubj` and `metrics.json`: auc, log_loss and base_rate of those held out,
// rows (examples learned from), rows_holdout, and cutoffs.
Result<void> Train(const TrainingConfig& config, const std::filesystem::path& output);

// Gives every customer known at D a probability, by the model in `output/model.ubj`.
// Leaves `predictions.csv`: customer_id,probability,label, in order of customer_id.
Result<void> Apply(const ApplicationConfig& config, const std::filesystem::path& output);

// Writes down what the customers known at D - H did in (D - H, D].
// Leaves `outcomes.csv`: prediction_date,customer_id,bought, where prediction_date is D - H, the
// data date of the predictions that these are the answer to.
Result<void> Evaluate(const EvaluationConfig& config, const std::filesystem::path& output);
