#include "online/v1_api.h"

#include <fmt/core.h>

#include "online/answer.h"
#include "online/tabular.h"

namespace busker::online {
namespace {

constexpr std::string_view kPredict = ":predict";

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendText(quoted, text);
  return quoted;
}

http::Response Json(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

// "NAME:predict" is what is to be done, and of which; empty: it is something else.
std::string_view WithoutPredict(std::string_view part) {
  return part.ends_with(kPredict) ? part.substr(0, part.size() - kPredict.size())
                                  : std::string_view();
}

http::Response NoSuchVerb() {
  return Fault(404, "there is nothing of that name; POST /v1/models/NAME:predict predicts");
}

http::Response Post(const Serving& serving, const Call& call, std::string_view model,
                    std::string_view version) {
  if (model.empty() || (version.data() != nullptr && version.empty())) return NoSuchVerb();
  return AskModel(serving, call, model, version, PredictV1);
}

http::Response Status(const Call&, Question& question) {
  const std::string& version = NameOf(question.version);
  return JsonAnswer(
      question.version,
      fmt::format("{{\"name\": {}, \"ready\": true, \"model_version_status\": [{{\"version\": {}, "
                  "\"state\": \"AVAILABLE\", \"status\": {{\"error_code\": \"OK\", "
                  "\"error_message\": \"\"}}}}]}}\n",
                  Quoted(question.served.name()), Quoted(version)));
}

std::string_view TensorTypeOf(predict::Type type) {
  switch (type) {
    case predict::Type::kNumber:
      return "DT_FLOAT";
    case predict::Type::kInteger:
      return "DT_INT64";
    case predict::Type::kBoolean:
      return "DT_BOOL";
    case predict::Type::kCategory:
    case predict::Type::kText:
    case predict::Type::kDate:
      return "DT_STRING";
  }
  return "";
}

void AppendTensor(std::string& text, std::string_view name, std::string_view type) {
  if (!text.ends_with('{')) text += ", ";
  text += fmt::format(
      "{0}: {{\"dtype\": \"{1}\", \"tensor_shape\": {{\"dim\": [{{\"size\": \"-1\", \"name\": "
      "\"\"}}], \"unknown_rank\": false}}, \"name\": {0}}}",
      Quoted(name), type);
}

http::Response Metadata(const Call&, Question& question) {
  const predict::Signature& signature = question.version.signature;
  std::string inputs = "{", outputs = "{";
  for (const auto& input : signature.inputs) {
    AppendTensor(inputs, input.name, TensorTypeOf(input.type));
  }
  for (const auto& output : signature.outputs) AppendTensor(outputs, output, "DT_FLOAT");
  return JsonAnswer(
      question.version,
      fmt::format("{{\"model_spec\": {{\"name\": {}, \"signature_name\": \"\", \"version\": {}}}, "
                  "\"metadata\": {{\"signature_def\": {{\"signature_def\": {{\"serving_default\": "
                  "{{\"inputs\": {}}}, \"outputs\": {}}}, \"method_name\": "
                  "\"tensorflow/serving/predict\"}}}}}}}}, \"runtime\": {}, \"signature\": {}}}\n",
                  Quoted(question.served.name()), Quoted(NameOf(question.version)), inputs, outputs,
                  Quoted(question.version.model->Describe()), ToJson(signature)));
}

// A model that is not ready is told so with KServe's field.
http::Response StatusOf(const Serving& serving, const Call& call, std::string_view version) {
  return AskModel(serving, call, call.At("model"), version, Status);
}

http::Response List(const Serving& serving, const Call& call) {
  std::string names;
  const auto all = serving.models.All();
  for (const auto& [name, _] : *all) {
    if (call.Sees(name)) names += (names.empty() ? "" : ", ") + Quoted(name);
  }
  return Json(fmt::format("{{\"models\": [{}]}}\n", names));
}

}  // namespace

http::Response PredictV1(const Call& call, Question& question) {
  const predict::Signature& signature = question.version.signature;
  auto asked =
      ReadBody(call.request.Header("content-type"), call.body, Forms::kTensorFlow, question.reader);
  if (!asked) return Fault(asked.error());
  question.instances = asked->rows.size;
  const auto values = Predict(question.version, asked->rows);
  if (!values) return Fault(values.error());
  std::string body = asked->by_columns ? "{\"outputs\": " + ColumnsAsJson(signature, *values)
                                       : "{\"predictions\": " + RowsAsJson(signature, *values);
  body += ", \"model_version\": \"" + NameOf(question.version) + "\"}\n";
  return JsonAnswer(question.version, std::move(body));
}

void AddV1Routes(Routes& routes, const Serving& serving) {
  using http::Method;
  routes.Add({Method::kGet, "/", [](const Call&) { return Json("{\"status\": \"alive\"}\n"); },
              Open::kToAll});
  routes.Add({Method::kGet, "/v1/models", [&](const Call& call) { return List(serving, call); }});
  routes.Add({Method::kGet, "/v1/models/{model}",
              [&](const Call& call) { return StatusOf(serving, call, ""); }});
  routes.Add({Method::kGet, "/v1/models/{model}/versions/{version}",
              [&](const Call& call) { return StatusOf(serving, call, call.At("version")); }});
  routes.Add({Method::kGet, "/v1/models/{model}/metadata", [&](const Call& call) {
                return AskModel(serving, call, call.At("model"), "", Metadata);
              }});
  routes.Add(
      {Method::kGet, "/v1/models/{model}/versions/{version}/metadata", [&](const Call& call) {
         return AskModel(serving, call, call.At("model"), call.At("version"), Metadata);
       }});
  routes.Add({Method::kPost, "/v1/models/{model}", [&](const Call& call) {
                return Post(serving, call, WithoutPredict(call.At("model")), {});
              }});
  routes.Add({Method::kPost, "/v1/models/{model}/versions/{version}", [&](const Call& call) {
                const std::string_view version = WithoutPredict(call.At("version"));
                if (version.empty()) return NoSuchVerb();
                return Post(serving, call, call.At("model"), version);
              }});
}

}  // namespace busker::online
