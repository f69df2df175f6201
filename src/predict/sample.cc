#include "predict/sample.h"

#include <fmt/core.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "predict/instances.h"
#include "predict/json_pull.h"

namespace busker::predict {
namespace {

using Kind = JsonPull::Kind;

// Of one instance: a number, or an array of one for each output. null and NaN: the model gives no
// number either.
Result<std::size_t> ReadOutputs(JsonPull& json, std::size_t instance, std::vector<float>& to) {
  const auto read = [&]() -> Result<void> {
    const Kind kind = json.Peek();
    if (kind == Kind::kNull) {
      json.Word();
      to.push_back(std::numeric_limits<float>::quiet_NaN());
    } else if (kind == Kind::kNumber) {
      to.push_back(static_cast<float>(json.Number(nullptr)));
    } else if (kind != Kind::kFault) {
      return Invalid(
          fmt::format("{}: \"outputs\": instance {}: a number is expected", kSampleFile, instance));
    }
    return {};
  };
  const std::size_t before = to.size();
  if (json.Peek() != Kind::kArray) {
    TRY(read());
  } else if (json.Enter()) {
    for (bool first = true; json.More(first);) TRY(read());
  }
  return to.size() - before;
}

// How many instances they are of.
Result<std::size_t> ReadAllOutputs(JsonPull& json, std::size_t outputs, std::vector<float>& to) {
  std::size_t instances = 0;
  if (json.Peek() != Kind::kArray || !json.Enter()) {
    return Invalid(fmt::format("{}: \"outputs\" is not a list", kSampleFile));
  }
  for (bool first = true; json.More(first);) {
    if (++instances > kSampleRowsMax) break;
    TRY_ASSIGN(const std::size_t count, ReadOutputs(json, instances, to));
    if (count == outputs || !json.ok()) continue;
    return Invalid(fmt::format("{}: \"outputs\": instance {} has {}, and the model gives {}",
                               kSampleFile, instances, count, outputs));
  }
  return instances;
}

// The shortest text that is this number and no other: two that differ are told apart.
std::string TextOf(float number) { return std::isnan(number) ? "NaN" : fmt::format("{}", number); }

tl::unexpected<Error> TooMany() {
  return Invalid(fmt::format("{} has more than {} instances", kSampleFile, kSampleRowsMax));
}

bool IsSame(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

}  // namespace

Result<Sample> ParseSample(const std::string& text, const Signature& signature) {
  JsonPull json(text);
  Sample sample;
  std::string_view inputs;
  std::size_t answered = 0;
  if (json.Peek() != Kind::kObject && json.Peek() != Kind::kFault)
    json.Fault("an object is expected");
  if (json.Enter()) {
    for (bool first = true; json.More(first);) {
      const std::string_view name = json.Name();
      if (name == "inputs" && inputs.empty()) {
        inputs = json.Skip();
      } else if (name == "outputs" && answered == 0) {
        TRY_ASSIGN(answered, ReadAllOutputs(json, signature.outputs.size(), sample.outputs));
        if (answered > kSampleRowsMax) return TooMany();
      } else {
        return Invalid(fmt::format("{} has \"inputs\" and \"outputs\", once each, and not \"{}\"",
                                   kSampleFile, Printable(name.substr(0, 40))));
      }
    }
  }
  (void)json.AtEnd();
  if (!json.ok()) return Invalid(fmt::format("{}: {}", kSampleFile, json.fault()));
  auto rows = ReadInstances(inputs.empty() ? "[]" : inputs, signature, kSampleRowsMax);
  if (!rows) return Wrap(fmt::format("{}: \"inputs\"", kSampleFile), rows.error());
  if (rows->size != answered || answered == 0) {
    return Invalid(
        fmt::format("{} has {} inputs and {} outputs; it is to have one for each, and at least one",
                    kSampleFile, rows->size, answered));
  }
  sample.rows = std::move(rows->values);
  sample.size = answered;
  return sample;
}

Result<void> CheckSample(const Model& model, const Sample& sample) {
  const std::size_t outputs = model.outputs();
  if (sample.rows.size() != sample.size * model.columns() ||
      sample.outputs.size() != sample.size * outputs) {
    return Invalid("the sample has other numbers of inputs or outputs than the model");
  }
  std::vector<float> answers(sample.outputs.size());
  model.Predict(sample.rows, answers);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (IsSame(answers[i], sample.outputs[i])) continue;
    const std::string which = outputs == 1 ? "" : fmt::format(", output {}", i % outputs + 1);
    return Invalid(
        fmt::format("instance {}{}: the model answers {} here, and {} where it was trained",
                    i / outputs + 1, which, TextOf(answers[i]), TextOf(sample.outputs[i])));
  }
  return {};
}

}  // namespace busker::predict
