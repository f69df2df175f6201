#include "serving.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <string_view>

#include "model.h"

namespace {

constexpr std::size_t kSampleMax = 100;

constexpr std::string_view kSignature =
    "{\"inputs\": [{\"name\": \"overdue\", \"missing\": true}], \"outputs\": [\"probability\"]}\n";

Result<void> WriteFile(const std::filesystem::path& file, std::string_view content) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) return Error(fmt::format("cannot write {}", file.string()));
  return {};
}

// {"frequency": 3, ..., "overdue": null}; each number is the shortest text of the float.
std::string ToJson(const Features& features) {
  const auto values = Values(features);
  std::string json;
  for (std::size_t i = 0; i < kFeatureCount; ++i) {
    json += fmt::format("{}\"{}\": {}", i == 0 ? "{" : ", ", kFeatureNames[i],
                        std::isnan(values[i]) ? "null" : fmt::format("{}", values[i]));
  }
  return json + "}";
}

}  // namespace

Result<void> WriteForServing(const std::filesystem::path& model_file,
                             std::span<const Features> features) {
  const auto sample = features.first(std::min(features.size(), kSampleMax));
  const auto model = Model::Load(model_file);
  if (!model) return Error(model.error());
  const auto probabilities = model->Predict(sample);
  if (!probabilities) return Error(probabilities.error());
  std::string inputs, outputs;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    inputs += (i == 0 ? "" : ",\n  ") + ToJson(sample[i]);
    outputs += fmt::format("{}{}", i == 0 ? "" : ", ", (*probabilities)[i]);
  }
  const auto folder = model_file.parent_path();
  if (auto done = WriteFile(folder / "signature.json", kSignature); !done) return done;
  return WriteFile(folder / "serving_sample.json",
                   "{\"inputs\": [\n  " + inputs + "],\n \"outputs\": [" + outputs + "]}\n");
}
