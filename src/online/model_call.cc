#include "online/model_call.h"

#include <fmt/core.h>

#include "online/answer.h"

namespace busker::online {

http::Response AskModel(const Serving& serving, const Call& call, std::string_view model,
                        std::string_view version, const Answerer& answerer) {
  const auto begun = std::chrono::steady_clock::now();
  const auto served = call.Sees(model) ? serving.models.Find(model) : nullptr;
  if (served == nullptr) return Fault(404, fmt::format("there is no model {}", model));
  std::size_t instances = 0;
  const auto answer = [&]() -> http::Response {
    const auto current = served->Current();
    if (current == nullptr) {
      const std::string why = served->WhyNotReady();
      return Fault(Error{ErrorKind::kTemporary, why});
    }
    if (!version.empty() && version != NameOf(*current)) {
      return Fault(404, fmt::format("version {} of {} is not live here; {} is", version, model,
                                    NameOf(*current)));
    }
    Question question{*served, *current, {current->signature, serving.rows_max}};
    http::Response response = answerer(call, question);
    instances = question.instances;
    if (response.status != 200) response.headers.emplace_back(kVersionHeader, NameOf(*current));
    return response;
  };
  http::Response response = answer();
  if (call.request.method == http::Method::kPost) {
    served->figures.Add(response.status, instances, std::chrono::steady_clock::now() - begun);
  }
  return response;
}

std::string OnlyModel(const Serving& serving, const Call& call) {
  std::string only;
  const auto all = serving.models.All();
  for (const auto& [name, _] : *all) {
    if (!call.Sees(name)) continue;
    if (!only.empty()) return "";
    only = name;
  }
  return only;
}

bool IsReady(const Serving& serving) { return !serving.ending() && serving.models.Ready(); }

}  // namespace busker::online
