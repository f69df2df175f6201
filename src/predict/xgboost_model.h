// The native runtime of XGBoost's models, from a file that was read.
#pragma once

#include <memory>

#include "base/result.h"
#include "predict/model.h"
#include "predict/xgboost_file.h"

namespace busker::predict {

// `signature`: nullptr, or what LoadModel takes of it. kInvalid as LoadModel's, without the file's
// name.
Result<std::unique_ptr<Model>> MakeXgboostModel(XgboostFile file, const Signature* signature);

}  // namespace busker::predict
