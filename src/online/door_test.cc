#include "online/door.h"

#include <zlib.h>

#include "access/tokens.h"
#include "io/test_folder.h"
#include "io/url.h"
#include "online/online_fixture.h"
#include "online/unpack.h"

namespace busker::online {
namespace {

const char* const kBody = R"({"instances": [[1, 2, "free", true]]})";
const char* const kPredict = "/v1/models/shop:predict";

// Packed by zlib, with that frame: 15 + 16 gzip, 15 zlib, -15 none.
std::string Packed(const std::string& text, int frame) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, frame, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

class DoorTest : public OnlineTest {
 protected:
  DoorTest() {
    models_.Add(std::make_shared<const Served>("bank", VersionOf(CustomerSignature())));
    door_ =
        std::make_unique<Door>(Door::Settings{folder_.path() / "tokens.json", 1 << 20}, routes_);
  }
  std::string Token(const std::string& name, access::Scope scope, access::Confines confines = {}) {
    return tokens_.Add(name, scope, "tester", now_, confines).value();
  }

  io::TestFolder folder_;
  access::TokenFile tokens_{folder_.path() / "tokens.json"};
};

TEST_F(DoorTest, OnlyWhoHasATokenForPredictionsIsAnswered) {
  const std::string good = Token("web", access::Scope::kPredict);
  const std::string viewer = Token("eve", access::Scope::kViewer);
  const auto ask = [&](const std::string& authorization) {
    return Post(kPredict, kBody, {{"authorization", authorization}});
  };
  EXPECT_EQ(ask("Bearer " + good).status, 200);
  EXPECT_EQ(ask("bearer " + good).status, 200);
  EXPECT_EQ(ask("Basic " + io::Base64Of("anybody:" + good)).status, 200);
  EXPECT_EQ(ask("Bearer " + viewer).status, 403);
  EXPECT_EQ(ask("Bearer " + std::string(64, '0')).status, 401);
  EXPECT_EQ(ask("Basic " + io::Base64Of(good)).status, 401);
  EXPECT_EQ(Post(kPredict, kBody).status, 401);
  EXPECT_EQ(Post(kPredict, kBody, {{"cookie", "busker_8080=" + good}}).status, 401);
  EXPECT_EQ(Get("/v1/models").status, 401);
  EXPECT_EQ(Get("/nothing").status, 401);
  for (const char* health : {"/", "/ping", "/health", "/healthz", "/v2/health/ready"}) {
    EXPECT_EQ(Get(health).status, 200) << health;
  }
  ASSERT_TRUE(tokens_.Revoke("web"));
  EXPECT_EQ(ask("Bearer " + good).status, 401);
}

TEST_F(DoorTest, WhoIsConfinedHearsOfOtherModelsAsOfNone) {
  const std::string token = "Bearer " + Token("web", access::Scope::kPredict, {"shop"});
  const auto ask = [&](const std::string& target, const std::string& body) {
    return Post(target, body, {{"authorization", token}});
  };
  EXPECT_EQ(ask(kPredict, kBody).status, 200);
  EXPECT_EQ(ask("/v1/models/bank:predict", kBody).status, 404);
  EXPECT_EQ(ErrorOf(ask("/v1/models/bank:predict", kBody)), "there is no model bank");
  EXPECT_EQ(ErrorOf(ask("/v1/models/none:predict", kBody)), "there is no model none");
  EXPECT_EQ(ask("/v2/models/bank/infer", "{}").status, 404);
  // Of two models it may ask one: the routes that name none mean that.
  EXPECT_EQ(ask("/invocations", kBody).status, 200);
  const auto all = Ask(http::Method::kGet, "/v1/models", "", {{"authorization", token}});
  EXPECT_EQ(all.body, "{\"models\": [\"shop\"]}\n");
  const std::string wide = "Bearer " + Token("all", access::Scope::kPredict);
  EXPECT_EQ(Post("/invocations", kBody, {{"authorization", wide}}).status, 404);
}

TEST_F(DoorTest, TooManyWrongTokensAreToldToWait) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Post(kPredict, kBody, {{"authorization", "Bearer " + std::string(64, 'a')}}).status,
              401);
  }
  EXPECT_EQ(Post(kPredict, kBody, {{"authorization", "Bearer " + std::string(64, 'a')}}).status,
            429);
}

TEST_F(OnlineTest, PagesOfBrowsersAreNotAnswered) {
  EXPECT_EQ(Post(kPredict, kBody, {{"origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(Post(kPredict, kBody, {{"sec-fetch-site", "same-origin"}}).status, 403);
  EXPECT_EQ(Post(kPredict, kBody, {{"sec-fetch-site", "none"}}).status, 200);
}

TEST_F(OnlineTest, PackedBodiesAreUnpackedWithinTheirLimit) {
  for (const auto& [encoding, frame] :
       {std::pair{"gzip", 31}, std::pair{"deflate", 15}, std::pair{"deflate", -15}}) {
    const auto answer = Post(kPredict, Packed(kBody, frame), {{"content-encoding", encoding}});
    EXPECT_EQ(answer.status, 200) << encoding << frame << answer.body;
  }
  const std::string packed = Packed(kBody, 31);
  EXPECT_EQ(
      ErrorOf(Post(kPredict, packed.substr(0, packed.size() - 3), {{"content-encoding", "gzip"}})),
      "the body is not a whole gzip, though it says that it is one");
  EXPECT_EQ(Post(kPredict, kBody, {{"content-encoding", "br"}}).status, 400);
  // A kilobyte that is a megabyte and more.
  const std::string bomb = Packed(std::string((1 << 20) + 1, ' '), 31);
  EXPECT_LT(bomb.size(), 2000U);
  EXPECT_EQ(ErrorOf(Post(kPredict, bomb, {{"content-encoding", "gzip"}})),
            "the body has more than 1048576 bytes when it is unpacked (body_max)");
  EXPECT_TRUE(Unpack(Packed(std::string(1 << 20, ' '), 31), "gzip", 1 << 20));
}

}  // namespace
}  // namespace busker::online
