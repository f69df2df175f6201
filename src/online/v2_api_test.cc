#include "online/v2_api.h"

#include <cmath>

#include "online/answer.h"
#include "online/online_fixture.h"

namespace busker::online {
namespace {

using nlohmann::json;

template <typename T>
std::string Bytes(std::initializer_list<T> values) {
  std::string bytes;
  for (const T value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

std::string Texts(std::initializer_list<std::string> values) {
  std::string bytes;
  for (const std::string& value : values) {
    bytes += Bytes({static_cast<std::uint32_t>(value.size())}) + value;
  }
  return bytes;
}

const char* const kInfer = "/v2/models/shop/infer";

TEST_F(OnlineTest, TensorsByNameAreColumns) {
  const auto answer = Json(Post(kInfer, R"({"id": "a\"1", "parameters": {"x": 1}, "inputs": [
    {"name": "active", "shape": [2, 1], "datatype": "BOOL", "data": [[true], [false]]},
    {"data": [40, 1.5], "name": "age", "shape": [2], "datatype": "FP64"},
    {"name": "visits", "shape": [2], "datatype": "FP32", "data": [0.5, null]},
    {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["free", "paid"]}]})"));
  EXPECT_EQ(answer["model_name"], "shop");
  EXPECT_EQ(answer["model_version"], "20260101T000000Z");
  EXPECT_EQ(answer["id"], "a\"1");
  EXPECT_EQ(answer["outputs"],
            json::parse(R"([{"name": "probability", "datatype": "FP32", "shape": [2],
                             "data": [41.5, 2.5]}])"));
}

TEST_F(OnlineTest, TheBinaryFormIsReadAndWritten) {
  // As Triton's client sends it, without a Content-Type.
  const std::string age = Bytes<float>({40, 1.5F}), visits = Bytes<double>({0.5, NAN});
  const std::string plan = Texts({"free", "paid"}), active = Bytes<std::uint8_t>({1, 0});
  const auto tensor = [](const std::string& name, const std::string& type, std::size_t bytes) {
    return json{{"name", name},
                {"shape", {2}},
                {"datatype", type},
                {"parameters", {{"binary_data_size", bytes}}}};
  };
  const json request = {
      {"inputs", json::array({tensor("age", "FP32", 8), tensor("visits", "FP64", 16),
                              tensor("plan", "BYTES", plan.size()), tensor("active", "BOOL", 2)})},
      {"parameters", {{"binary_data_output", true}}}};
  const std::string head = request.dump();
  const auto answer = Post(kInfer, head + age + visits + plan + active,
                           {{"inference-header-content-length", std::to_string(head.size())}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.type, "application/octet-stream");
  const auto size = std::stoul(HeaderOf(answer, "Inference-Header-Content-Length"));
  const json told = json::parse(answer.body.substr(0, size));
  EXPECT_EQ(told["outputs"][0]["parameters"]["binary_data_size"], 8);
  EXPECT_EQ(answer.body.substr(size), Bytes<float>({41.5F, 2.5F}));
}

class NumbersOnlyTest : public OnlineTest {
 protected:
  static predict::Signature Three() {
    predict::Signature signature;
    signature.inputs.resize(3);
    for (std::size_t i = 0; i < 3; ++i) signature.inputs[i].name = "x" + std::to_string(i);
    signature.outputs = {"sum", "double"};
    return signature;
  }
  NumbersOnlyTest() : OnlineTest(Three()) {}
};

TEST_F(NumbersOnlyTest, OneTensorOfAllColumnsIsInTheSignaturesOrder) {
  EXPECT_EQ(
      Json(Post(kInfer, R"({"inputs": [{"name": "input-0", "shape": [2, 3],
      "datatype": "INT32", "data": [1, 2, 3, 4, 5, 6]}], "outputs": [{"name": "double"}]})"))
          ["outputs"],
      json::parse(R"([{"name": "double", "datatype": "FP32", "shape": [2], "data": [12, 30]}])"));
  const std::string head =
      R"({"inputs":[{"name":"i","shape":[1,3],"datatype":"FP16","parameters":{"binary_data_size":6}}]})";
  const auto answer =
      Json(Post(kInfer, head + Bytes<std::uint16_t>({0x3C00, 0xC000, 0x0001}),
                {{"inference-header-content-length", std::to_string(head.size())}}));
  EXPECT_EQ(answer["outputs"][0]["data"][0].get<float>(), -1 + std::ldexp(1.0F, -24));
}

TEST_F(NumbersOnlyTest, SizesThatLieAreRefused) {
  const auto with = [&](const std::string& inputs, const std::string& binary = "",
                        const std::string& outputs = "[]") {
    const std::string head = R"({"inputs": )" + inputs + R"(, "outputs": )" + outputs + "}";
    const auto answer = Post(kInfer, head + binary,
                             {{"inference-header-content-length", std::to_string(head.size())}});
    EXPECT_EQ(answer.status, 400) << answer.body;
    return ErrorOf(answer);
  };
  const auto tensor = [](const std::string& shape, const std::string& more) {
    return R"([{"name": "i", "datatype": "FP32", "shape": )" + shape + ", " + more + "}]";
  };
  EXPECT_EQ(with(tensor("[100, 3]", R"("data": [1])")),
            "tensor \"i\": its shape needs 300 elements, fewer are there");
  EXPECT_EQ(with(tensor("[1, 3]", R"("data": [1, 2])")),
            "tensor \"i\": its shape needs 3 elements, 2 are there");
  EXPECT_EQ(with(tensor("[1, 3]", R"("data": [1, 2, 3, 4])")),
            "tensor \"i\": it has more than the 3 elements of its shape");
  EXPECT_EQ(with(tensor("[1e15, 1e15, 1e15]", R"("data": [1])")),
            "more than 100 instances in one request; ask in parts");
  EXPECT_EQ(with(tensor("[1, 3]", R"("parameters": {"binary_data_size": 12})"), "12345"),
            "tensor \"i\": 12 bytes are expected behind the JSON, 5 are left");
  EXPECT_EQ(with(tensor("[1, 3]", R"("parameters": {"binary_data_size": 8})"), "12345678"),
            "tensor \"i\": its shape needs 12 bytes, 8 are there");
  EXPECT_EQ(with(tensor("[1, 3]", R"("parameters": {"binary_data_size": 12})"), std::string(13, 0)),
            "1 bytes behind the JSON are of no tensor");
  EXPECT_EQ(with(tensor("[1, 3]", R"("parameters": {"binary_data_size": -1})")),
            "a shape and a size are whole numbers that are not negative");
  EXPECT_EQ(
      with(tensor("[1, 3]", R"("data": [1, 2, 3])"), "", R"([{"name": "sum"}, {"name": "sum"}])"),
      "the output \"sum\" is asked for twice");
  EXPECT_EQ(ErrorOf(Post(kInfer, "{}", {{"inference-header-content-length", "99"}})),
            "Inference-Header-Content-Length says 99 bytes, and the body has 2");
}

TEST_F(OnlineTest, BytesThatLieAreRefused) {
  const std::string head =
      R"({"inputs":[{"name":"age","shape":[1],"datatype":"FP32","data":[1]},{"name":"visits",)"
      R"("shape":[1],"datatype":"FP32","data":[1]},{"name":"active","shape":[1],"datatype":"BOOL",)"
      R"("data":[true]},{"name":"plan","shape":[1],"datatype":"BYTES","parameters":)"
      R"({"binary_data_size":8}}]})";
  EXPECT_EQ(ErrorOf(Post(kInfer, head + Bytes<std::uint32_t>({0xFFFFFFFF}) + "free",
                         {{"inference-header-content-length", std::to_string(head.size())}})),
            "tensor \"plan\": an element is longer than the tensor");
}

TEST_F(OnlineTest, HealthAndMetadata) {
  EXPECT_EQ(Json(Get("/v2/"))["extensions"], json({"binary_tensor_data"}));
  EXPECT_EQ(Json(Get("/v2/health/live")), json({{"live", true}}));
  EXPECT_EQ(Json(Get("/v2/health/ready"))["ready"], true);
  EXPECT_EQ(Json(Get("/v2/models/shop/ready"))["ready"], true);
  const json metadata = Json(Get("/v2/models/shop/versions/20260101T000000Z"));
  EXPECT_EQ(metadata["versions"], json({"20260101T000000Z"}));
  EXPECT_EQ(metadata["inputs"][2]["datatype"], "BYTES");
  // While it ends, nothing is ready, and all is answered.
  serving_.ending = [] { return true; };
  EXPECT_EQ(Get("/v2/health/ready").status, 503);
  EXPECT_EQ(Get("/ping").status, 503);
  EXPECT_EQ(Get("/v2/models/shop").status, 200);
}

}  // namespace
}  // namespace busker::online
