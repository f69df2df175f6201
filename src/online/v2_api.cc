#include "online/v2_api.h"

#include <fmt/core.h>

#include <charconv>

#include "online/answer.h"
#include "online/v2_tensors.h"

namespace busker::online {
namespace {

constexpr std::string_view kJsonBytes = "inference-header-content-length";

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendText(quoted, text);
  return quoted;
}

http::Response Json(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response Infer(const Call& call, Question& question) {
  std::optional<std::size_t> json_bytes;
  if (const std::string_view text = call.request.Header(kJsonBytes); !text.empty()) {
    const char* const end = text.data() + text.size();
    const auto [to, fault] = std::from_chars(text.data(), end, json_bytes.emplace());
    if (fault != std::errc() || to != end) {
      return Fault(400, "Inference-Header-Content-Length must be a number of bytes");
    }
  }
  const auto asked = ReadV2(call.body, json_bytes, question.reader);
  if (!asked) return Fault(asked.error());
  question.instances = asked->rows.size;
  const auto values = Predict(question.version, asked->rows);
  if (!values) return Fault(values.error());
  V2Answer answer = WriteV2(*asked, question.served.name(), NameOf(question.version),
                            question.version.signature, *values);
  http::Response response = JsonAnswer(question.version, std::move(answer.body));
  if (answer.json_bytes > 0) {
    response.type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length",
                                  std::to_string(answer.json_bytes));
  }
  return response;
}

http::Response Metadata(const Call&, Question& question) {
  const predict::Signature& signature = question.version.signature;
  std::string inputs, outputs;
  for (const auto& input : signature.inputs) {
    inputs += fmt::format("{}{{\"name\": {}, \"datatype\": \"{}\", \"shape\": [-1]}}",
                          inputs.empty() ? "" : ", ", Quoted(input.name), DatatypeOf(input.type));
  }
  for (const auto& output : signature.outputs) {
    outputs += fmt::format("{}{{\"name\": {}, \"datatype\": \"FP32\", \"shape\": [-1]}}",
                           outputs.empty() ? "" : ", ", Quoted(output));
  }
  return JsonAnswer(
      question.version,
      fmt::format("{{\"name\": {}, \"versions\": [{}], \"platform\": {}, \"inputs\": [{}], "
                  "\"outputs\": [{}]}}\n",
                  Quoted(question.served.name()), Quoted(NameOf(question.version)),
                  Quoted(question.version.model->Describe()), inputs, outputs));
}

http::Response Ready(const Call&, Question& question) {
  return JsonAnswer(question.version, fmt::format("{{\"name\": {}, \"ready\": true}}\n",
                                                  Quoted(question.served.name())));
}

}  // namespace

void AddV2Routes(Routes& routes, const Serving& serving) {
  using http::Method;
  routes.Add({Method::kGet, "/v2", [&](const Call&) {
                return Json(200,
                            fmt::format("{{\"name\": \"busker\", \"version\": {}, \"extensions\": "
                                        "[\"binary_tensor_data\"]}}\n",
                                        Quoted(serving.busker_version)));
              }});
  routes.Add({Method::kGet, "/v2/health/live",
              [](const Call&) { return Json(200, "{\"live\": true}\n"); }, Open::kToAll});
  routes.Add({Method::kGet, "/v2/health/ready",
              [&](const Call&) {
                return IsReady(serving) ? Json(200, "{\"live\": true, \"ready\": true}\n")
                                        : Json(503, "{\"live\": true, \"ready\": false}\n");
              },
              Open::kToAll});
  const auto add = [&](Method method, const std::string& end, const Answerer& answerer) {
    routes.Add({method, "/v2/models/{model}" + end, [&serving, answerer](const Call& call) {
                  return AskModel(serving, call, call.At("model"), "", answerer);
                }});
    routes.Add({method, "/v2/models/{model}/versions/{version}" + end,
                [&serving, answerer](const Call& call) {
                  return AskModel(serving, call, call.At("model"), call.At("version"), answerer);
                }});
  };
  add(Method::kGet, "", Metadata);
  add(Method::kGet, "/ready", Ready);
  add(Method::kPost, "/infer", Infer);
}

}  // namespace busker::online
