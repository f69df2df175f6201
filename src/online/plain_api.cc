#include "online/plain_api.h"

#include "online/answer.h"
#include "online/tabular.h"
#include "online/v1_api.h"

namespace busker::online {
namespace {

using http::Method;

http::Response Plain(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

http::Response Health(const Serving& serving) {
  return IsReady(serving) ? Plain(200, "ok\n") : Plain(503, "not ready\n");
}

http::Response Invoke(const Call& call, Question& question) {
  const predict::Signature& signature = question.version.signature;
  auto asked =
      ReadBody(call.request.Header("content-type"), call.body, Forms::kMlflow, question.reader);
  if (!asked) return Fault(asked.error());
  question.instances = asked->rows.size;
  const auto values = Predict(question.version, asked->rows);
  if (!values) return Fault(values.error());
  if (call.request.Header("accept").starts_with("text/csv")) {
    http::Response response = JsonAnswer(question.version, RowsAsCsv(signature, *values));
    response.type = "text/csv; charset=utf-8";
    return response;
  }
  return JsonAnswer(question.version,
                    "{\"predictions\": " + RowsAsJson(signature, *values) + "}\n");
}

http::Response AskOnly(const Serving& serving, const Call& call, const Answerer& answerer) {
  const std::string model = OnlyModel(serving, call);
  if (model.empty()) {
    return Fault(404, serving.models.All()->empty()
                          ? "no model is served here"
                          : "this names no model, and several are served here; POST "
                            "/v1/models/NAME:predict names one");
  }
  return AskModel(serving, call, model, "", answerer);
}

bool Has(const Routes& routes, Method method, const std::string& path) {
  const auto target = http::ParseTarget(path);
  return !target || routes.Find(method, target->path, nullptr) != nullptr;
}

}  // namespace

void AddPlainRoutes(Routes& routes, const Serving& serving) {
  for (const char* path : {"/ping", "/health", "/healthz"}) {
    routes.Add({Method::kGet, path, [&](const Call&) { return Health(serving); }, Open::kToAll});
  }
  routes.Add({Method::kGet, "/version",
              [&](const Call&) { return Plain(200, serving.busker_version + "\n"); }});
  routes.Add({Method::kPost, "/invocations",
              [&](const Call& call) { return AskOnly(serving, call, Invoke); }});
}

void AddVertexRoutes(Routes& routes, const Serving& serving, const std::string& health,
                     const std::string& predict) {
  if (!health.empty() && !Has(routes, Method::kGet, health)) {
    routes.Add({Method::kGet, health, [&](const Call&) { return Health(serving); }, Open::kToAll});
  }
  if (!predict.empty() && !Has(routes, Method::kPost, predict)) {
    routes.Add({Method::kPost, predict,
                [&](const Call& call) { return AskOnly(serving, call, PredictV1); }});
  }
}

}  // namespace busker::online
