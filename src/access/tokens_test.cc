#include "access/tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "io/digest.h"
#include "io/test_folder.h"

namespace busker::access {
namespace {

const Instant kNow{std::chrono::seconds(1'700'000'000)};

class Tokens : public testing::Test {
 protected:
  io::TestFolder folder_;
  TokenFile file_{folder_ / "tokens.json"};
};

TEST_F(Tokens, AreKeptAsDigestsInAFileOfTheOwnerAlone) {
  const std::string secret = file_.Add("grafana", Scope::kViewer, "ada", kNow).value();
  EXPECT_EQ(secret.size(), 64u);
  const std::string text = folder_.Read("tokens.json");
  EXPECT_EQ(text.find(secret), std::string::npos);
  EXPECT_NE(text.find(io::Sha256Of(secret)), std::string::npos);
  struct stat info {};
  ASSERT_EQ(stat((folder_ / "tokens.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto tokens = file_.Read().value();
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].name, "grafana");
  EXPECT_EQ(tokens[0].scope, Scope::kViewer);
  EXPECT_EQ(tokens[0].created_by, "ada");
  EXPECT_EQ(tokens[0].created_at, kNow);
}

TEST_F(Tokens, HaveNamesOfTheirOwn) {
  ASSERT_TRUE(file_.Add("a", Scope::kAdmin, "ada", kNow));
  EXPECT_EQ(file_.Add("a", Scope::kViewer, "ada", kNow).error().kind, ErrorKind::kInvalid);
  for (const char* const name : {"", ".", "..", "A", "a b", "a/b", "-a", "\xC3\xA9", "busker"}) {
    EXPECT_EQ(file_.Add(name, Scope::kViewer, "ada", kNow).error().kind, ErrorKind::kInvalid)
        << name;
  }
}

TEST_F(Tokens, AreGoneWhenTheyAreRevoked) {
  ASSERT_TRUE(file_.Add("a", Scope::kAdmin, "ada", kNow));
  ASSERT_TRUE(file_.Add("b", Scope::kAdmin, "ada", kNow));
  ASSERT_TRUE(file_.Revoke("a"));
  EXPECT_EQ(file_.Revoke("a").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(file_.Read()->size(), 1u);
}

// Two that changed the file at once could lose what one of them did, so that a token that was
// revoked came back.
TEST_F(Tokens, AreAllKeptWhenManyMakeAndRevokeThemAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      TokenFile file(folder_ / "tokens.json");
      for (int j = 0; j < 10; ++j) {
        const std::string name = "t" + std::to_string(i) + "-" + std::to_string(j);
        EXPECT_TRUE(file.Add(name, Scope::kViewer, "ada", kNow));
        if (j % 2 == 0) {
          EXPECT_TRUE(file.Revoke(name));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(file_.Read()->size(), 40u);
}

TEST_F(Tokens, OfAFileThatOthersMayReadOrThatIsDamagedAreNotTrusted) {
  ASSERT_TRUE(file_.Add("a", Scope::kAdmin, "ada", kNow));
  chmod((folder_ / "tokens.json").c_str(), 0640);
  EXPECT_EQ(file_.Read().error().kind, ErrorKind::kUnusable);
  for (const char* const text : {"", "[]", "{}", "{\"tokens\": 1}", "{\"tokens\": [1]}",
                                 "{\"tokens\": [{\"name\": \"a\"}]}"}) {
    folder_.Write("tokens.json", text);
    chmod((folder_ / "tokens.json").c_str(), 0600);
    EXPECT_EQ(file_.Read().error().kind, ErrorKind::kUnusable) << text;
  }
}

// What the reader refuses was written all the same: a name with a NUL in it, or more than the
// reader takes, and from then on nobody was known.
TEST_F(Tokens, AreNeverWrittenSoThatTheyCannotBeRead) {
  ASSERT_TRUE(file_.Add("a", Scope::kViewer, "ada", kNow));
  for (const std::string& name :
       {std::string("a\0b", 3), std::string("\xff"), std::string("a\nb"), std::string("a b"),
        std::string(), std::string("/"), std::string("a/"), std::string("a/b/c"),
        std::string("A/b"), std::string(201, 'a'), std::string("\xC3\xA9")}) {
    EXPECT_EQ(file_.Add("b", Scope::kViewer, "ada", kNow, {name}).error().kind, ErrorKind::kInvalid)
        << name;
  }
  for (const std::string by : {"\xff\n", "", "a\"b"}) {
    ASSERT_TRUE(file_.Add("t" + std::to_string(file_.Read()->size()), Scope::kViewer, by, kNow));
    ASSERT_TRUE(file_.Read());
  }
  const Instant far = std::chrono::sys_days(std::chrono::year(20'000) / 1 / 1);
  EXPECT_EQ(file_.Add("far", Scope::kViewer, "ada", far).error().kind, ErrorKind::kInvalid);
  Confines many;
  for (int i = 0; i < 2500; ++i) many.push_back(std::string(196, 'a') + std::to_string(1000 + i));
  ASSERT_TRUE(file_.Add("many", Scope::kViewer, "ada", kNow, many));
  EXPECT_EQ(file_.Add("more", Scope::kViewer, "ada", kNow, many).error().kind, ErrorKind::kInvalid)
      << "these are more than a MiB together";
  ASSERT_TRUE(file_.Read());
  ASSERT_TRUE(file_.Revoke("many"));
  EXPECT_TRUE(file_.Add("more", Scope::kViewer, "ada", kNow, many));
}

}  // namespace
}  // namespace busker::access
