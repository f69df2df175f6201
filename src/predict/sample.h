// The sample of a version, serving_sample.json: inputs with the outputs of the program that
// trained. Who makes a version live asks the model first, and compares.
//
//   {"inputs": [{"age": 41, "plan": "paid"}, ...], "outputs": [0.8125, ...]}
//
// At most 200. A row is an object by name, or an array in the signature's order. An output is a
// number, or an array of one number per output.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "predict/model.h"
#include "predict/signature.h"

namespace busker::predict {

inline constexpr char kSampleFile[] = "serving_sample.json";
inline constexpr std::size_t kSampleRowsMax = 200;

struct Sample {
  std::vector<float> rows;     // as Model::Predict takes them
  std::vector<float> outputs;  // as it gives them
  std::size_t size = 0;
};

// kInvalid names the instance (from 1) and the field.
Result<Sample> ParseSample(const std::string& json, const Signature& signature);

// Bit for bit. kInvalid: "instance 7: the model answers 0.71 here, and 0.82 where it was trained".
Result<void> CheckSample(const Model& model, const Sample& sample);

}  // namespace busker::predict
