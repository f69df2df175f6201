#include <gtest/gtest.h>

#include "service/test_folder.h"

namespace busker::service {
namespace {

TEST(ImageKeys, SayWhatAnImageIsMadeOf) {
  TestFolder folder;
  folder.Configs({"training"})
      .File("[image]\nbase = \"r.example/python:3.11\"\npython = \"3.11\"\n");
  const Service service = folder.Load();
  EXPECT_EQ(service.image.base, "r.example/python:3.11");
  EXPECT_EQ(service.image.python, "3.11");
}

TEST(ImageKeys, RefuseWhatCannotBe) {
  EXPECT_NE(FaultOf("[image]\nbase = \"a b\"\n").find("2:8"), std::string::npos);
  EXPECT_NE(FaultOf("[image]\npython = \"three\"\n").find("not a version"), std::string::npos);
  EXPECT_NE(FaultOf("[image]\npython = \"3.11.2\"\n").find("not a version"), std::string::npos);
  EXPECT_NE(FaultOf("[image]\ndockerfile = \"../Dockerfile\"\n").find("below the service's folder"),
            std::string::npos);
  EXPECT_NE(FaultOf("[image]\nbase = \"a\"\ndockerfile = \"D\"\n").find("leave one of them out"),
            std::string::npos);
  EXPECT_NE(FaultOf("[image]\nbse = \"a\"\n").find("did you mean \"base\""), std::string::npos);
}

// validate said that all is well, and busker build that there is no such file.
TEST(ImageKeys, NameADockerfileThatIsThere) {
  TestFolder folder;
  folder.Configs({"training"}).Write("source/a.py", "");
  folder.File("[image]\ndockerfile = \"container/Dockerfile\"\n");
  EXPECT_EQ(Validate(folder.root()),
            std::vector<std::string>{
                "busker.toml:2:14: \"dockerfile\": no file \"container/Dockerfile\""});
  EXPECT_EQ(folder.Fault(), "") << "runs do not need it";
  folder.Write("container/Dockerfile", "FROM scratch\n");
  EXPECT_TRUE(Validate(folder.root()).empty());
}

}  // namespace
}  // namespace busker::service
