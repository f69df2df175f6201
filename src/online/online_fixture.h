// The routes of a server over a model of the test's own, without a network: for tests only.
// Heavy (nlohmann): for .cc files only.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "online/door.h"
#include "online/models.h"
#include "online/plain_api.h"
#include "online/v1_api.h"
#include "online/v2_api.h"

namespace busker::online {

// Answers the sum of its inputs, without those that are missing; or, of several outputs, that and
// its double, and so on. A sum of 1e30 or more is no number.
class SumModel : public predict::Model {
 public:
  explicit SumModel(predict::Signature signature) : signature_(std::move(signature)) {}
  const predict::Signature& of_itself() const override { return signature_; }
  std::string Describe() const override { return "a sum"; }
  std::size_t columns() const override { return signature_.inputs.size(); }
  std::size_t outputs() const override { return signature_.outputs.size(); }
  void Predict(std::span<const float> rows, std::span<float> out) const override {
    for (std::size_t row = 0; row < rows.size() / columns(); ++row) {
      float sum = 0;
      for (const float value : rows.subspan(row * columns(), columns())) {
        if (value == value) sum += value;
      }
      for (std::size_t k = 0; k < outputs(); ++k) {
        out[row * outputs() + k] =
            sum >= 1e30F ? std::numeric_limits<float>::infinity() : sum * static_cast<float>(k + 1);
      }
    }
  }

 private:
  const predict::Signature signature_;
};

inline predict::Signature CustomerSignature() {
  predict::Signature signature;
  signature.inputs.resize(4);
  signature.inputs[0].name = "age";
  signature.inputs[1].name = "visits";
  signature.inputs[1].missing = true;
  signature.inputs[2].name = "plan";
  signature.inputs[2].type = predict::Type::kCategory;
  signature.inputs[2].categories = {"free", "paid", "\"best\", of all"};
  signature.inputs[3].name = "active";
  signature.inputs[3].type = predict::Type::kBoolean;
  signature.outputs = {"probability"};
  return signature;
}

inline std::shared_ptr<const predict::LoadedVersion> VersionOf(
    const predict::Signature& signature, const std::string& timestamp = "20260101T000000Z") {
  auto version = std::make_shared<predict::LoadedVersion>();
  version->manifest.name = {"shop", "1", "training", timestamp};
  version->signature = signature;
  version->model = std::make_unique<SumModel>(signature);
  return version;
}

class OnlineTest : public testing::Test {
 protected:
  explicit OnlineTest(const predict::Signature& signature = CustomerSignature()) {
    models_.Add(std::make_shared<const Served>("shop", VersionOf(signature)));
    AddV1Routes(routes_, serving_);
    AddV2Routes(routes_, serving_);
    AddPlainRoutes(routes_, serving_);
    door_ = std::make_unique<Door>(Door::Settings{std::nullopt, 1 << 20}, routes_);
  }

  using Headers = std::map<std::string, std::string, std::less<>>;
  http::Response Ask(http::Method method, const std::string& target, const std::string& body = "",
                     Headers headers = {}) {
    http::Request request;
    request.method = method;
    request.target = target;
    request.body = body;
    request.headers = std::move(headers);
    request.peer = "127.0.0.1";
    return door_->Answer(request, now_);
  }
  http::Response Get(const std::string& target) { return Ask(http::Method::kGet, target); }
  http::Response Post(const std::string& target, const std::string& body, Headers headers = {}) {
    return Ask(http::Method::kPost, target, body, std::move(headers));
  }
  // The answer to what must be answered.
  nlohmann::json Json(const http::Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return nlohmann::json::parse(response.body, nullptr, false);
  }
  static std::string ErrorOf(const http::Response& response) {
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    return body.is_object() && body.contains("error") ? body["error"].get<std::string>()
                                                      : "no error: " + response.body;
  }
  static std::string HeaderOf(const http::Response& response, const std::string& wanted) {
    for (const auto& [name, value] : response.headers) {
      if (name == wanted) return value;
    }
    return "";
  }

  Models models_;
  Serving serving_{models_, 100, "0.1.0"};
  Routes routes_;
  std::unique_ptr<Door> door_;
  Instant now_ = Now();
};

}  // namespace busker::online
