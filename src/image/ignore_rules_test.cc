#include "image/ignore_rules.h"

#include <gtest/gtest.h>

#include "image/context_rules.h"
#include "io/test_folder.h"

namespace busker::image {
namespace {

IgnoreRules RulesOf(std::string_view text) {
  IgnoreRules rules;
  rules.AddStandard();
  EXPECT_TRUE(rules.Add(text, "rules"));
  return rules;
}

// The first line of a file with a byte order mark had no effect.
TEST(IgnoreRules, BeginBehindAByteOrderMark) {
  EXPECT_TRUE(RulesOf("\xef\xbb\xbfnotes\n").Ignores("notes/a"));
}

// What builders refuse kept nothing out, without a word.
TEST(IgnoreRules, SayWhichPatternIsMalformed) {
  for (const char* const pattern : {"[k-", "*.pe[", "key.p\\", "a/[^", "![]"}) {
    IgnoreRules rules;
    const auto added = rules.Add(std::string("# mine\n") + pattern + "\n", "x/.dockerignore");
    ASSERT_FALSE(added) << pattern;
    EXPECT_TRUE(added.error().message.starts_with("x/.dockerignore:2: ")) << added.error().message;
  }
  IgnoreRules fine;
  EXPECT_TRUE(fine.Add("[a-z]x\n\\[b\n[^c]\n[\\]]\n", "rules"));
  EXPECT_TRUE(fine.Ignores("[b"));
}

// "*" and then "!source" brought the secrets and histories in source/ back, too.
TEST(IgnoreRules, BringBackWhatIsStandardByItsOwnNameAlone) {
  const IgnoreRules all = RulesOf("*\n!source\n!configs\n");
  EXPECT_FALSE(all.Ignores("source/a.py"));
  for (const char* const path : {"source/.env", "source/.git/HEAD", "source/a/__pycache__/b.pyc"}) {
    EXPECT_TRUE(all.Ignores(path)) << path;
  }
  const IgnoreRules named = RulesOf("!source/.env\n!**/.npmrc\n!data\n");
  EXPECT_FALSE(named.Ignores("source/.env"));
  EXPECT_FALSE(named.Ignores("source/a/.npmrc"));
  EXPECT_FALSE(named.Ignores("data/a/b.csv"));
}

// They went into images without a word.
TEST(IgnoreRules, KeepSecretsOutByTheNamesTheyHave) {
  const IgnoreRules rules = RulesOf("");
  for (const char* const path : {".env.local", ".netrc", ".npmrc", ".ssh/id_rsa", "a/id_rsa",
                                 "secrets/webhook", "credentials.json"}) {
    EXPECT_TRUE(rules.Ignores(path)) << path;
  }
  EXPECT_FALSE(rules.Ignores("source/secrets/__init__.py")) << "a program's own part";
}

class ContextRules : public testing::Test {
 protected:
  Result<void> Guard(const std::string& builder = "buildx") {
    said_.clear();
    return GuardContext(
        {folder_.path(), folder_ / "Dockerfile", "service", {folder_ / ".busker"}, builder},
        Say([this](const std::string& line) { said_ += line + "\n"; }));
  }

  const io::TestFolder folder_;
  std::string said_;
};

// `COPY . /service` put the home with its secrets into the image, where the folder had rules of its
// own.
TEST_F(ContextRules, RefuseWhatHoldsSecretsAndTellOfTheRest) {
  folder_.Write(".busker/secrets.json", "{}");
  folder_.Write("service/.env", "");
  folder_.Write(".dockerignore", "*.csv\n");
  const auto guarded = Guard();
  ASSERT_FALSE(guarded);
  EXPECT_NE(guarded.error().message.find(".dockerignore does not keep .busker out"),
            std::string::npos)
      << guarded.error().message;
  folder_.Write(".dockerignore", "*.csv\n.busker\n");
  ASSERT_TRUE(Guard());
  EXPECT_NE(said_.find("does not name service/.env: a COPY"), std::string::npos) << said_;
  folder_.Write(".dockerignore", ".busker\n**/.env\n");
  ASSERT_TRUE(Guard());
  EXPECT_EQ(said_, "");
}

// "wrote .dockerignore: what it names stays out" was false with a file of the Dockerfile's own,
// which the builder reads instead. The data of a whole repository's program was in the image.
TEST_F(ContextRules, AreThoseThatTheBuilderReads) {
  folder_.Write(".busker/secrets.json", "{}");
  folder_.Write("Dockerfile.dockerignore", "*.csv\n");
  const auto guarded = Guard();
  ASSERT_FALSE(guarded);
  EXPECT_NE(guarded.error().message.find("Dockerfile.dockerignore"), std::string::npos);
  EXPECT_FALSE(io::fs::exists(folder_ / ".dockerignore"));
  ASSERT_TRUE(Guard("docker")) << "which reads no file of the Dockerfile's own";
  EXPECT_NE(said_.find("wrote "), std::string::npos);
  EXPECT_NE(folder_.Read(".dockerignore").find("\nservice/data\n"), std::string::npos);
}

}  // namespace
}  // namespace busker::image
