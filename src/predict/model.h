// A model that can be asked: the native runtime of gradient-boosted trees (XGBoost's JSON and
// UBJSON, versions 1.0 to 3.4), with the bits of the version that the file names.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "io/file.h"
#include "predict/signature.h"

namespace busker::predict {

class Model {
 public:
  virtual ~Model() = default;

  // What the file says of its inputs and outputs; what it does not say is empty ("f0", "f1", ...
  // are no names). `inputs.size()` is the number of columns.
  virtual const Signature& of_itself() const = 0;

  virtual std::string Describe() const = 0;  // "XGBoost 3.2.0, binary:logistic, 500 trees"

  // `columns()` values a row, row by row: numbers as they are, categories as their codes, booleans
  // 0 and 1, NaN for what is missing. `out` gets `outputs()` values a row. Any number of threads at
  // once; allocates nothing for up to 64 outputs; never fails.
  virtual std::size_t columns() const = 0;
  virtual std::size_t outputs() const = 0;
  virtual void Predict(std::span<const float> rows, std::span<float> out) const = 0;
};

// `iterations`, `missing_value` from the signature. kInvalid: no such model, naming the key, the
// objective or the version that is not known. The caller has compared the file's digest.
Result<std::unique_ptr<Model>> LoadModel(const io::fs::path& file);

// The same with what the signature says about it (iterations, value that is missing).
Result<std::unique_ptr<Model>> LoadModel(const io::fs::path& file, const Signature& signature);

}  // namespace busker::predict
