#include "runner/container.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "io/test_folder.h"

namespace busker::runner {
namespace {

constexpr char kRoot[] = "/\x1droot\x1d";

// An image whose files are below a folder.
class RootInImage : public testing::Test {
 protected:
  RootInImage() {
    order_.root = kRoot;
    order_.config = "configs/training.json";
    order_.command = {"python", std::string("--data=") + kRoot + "/data"};
    order_.environment = {std::string("PATH=") + kRoot + "/.venv/bin:" + kRoot + "/bin:/usr/bin",
                          "NAME=churn"};
    order_.placeholders = {{"ROOT", kRoot}};
  }
  std::string In(const std::string& path) const { return (image_ / path).string(); }
  std::string Find(const std::string& working_directory) {
    const auto found = FindRootInImage(working_directory, order_, image_.path());
    return found ? order_.root : found.error().message;
  }

  const io::TestFolder image_;
  attempt::Order order_;
};

TEST_F(RootInImage, IsServiceAndIsPutWhereverTheOrderNamesIt) {
  image_.Write("service/configs/training.json", "{}");
  EXPECT_EQ(Find("/"), In("service"));
  EXPECT_EQ(order_.command[1], "--data=" + In("service") + "/data");
  EXPECT_EQ(order_.environment[0],
            "PATH=" + In("service") + "/.venv/bin:" + In("service") + "/bin:/usr/bin");
  EXPECT_EQ(order_.environment[1], "NAME=churn");
  EXPECT_EQ(order_.placeholders["ROOT"], In("service"));
}

// It was /service alone, and an image that was made for other engines had to be made anew.
TEST_F(RootInImage, IsTheImagesWorkingDirectoryWhereThatHasTheConfig) {
  image_.Write("app/configs/training.json", "{}");
  EXPECT_EQ(Find("/app"), In("app"));
  EXPECT_EQ(order_.placeholders["ROOT"], In("app"));
}

TEST_F(RootInImage, IsServiceWhereBothHaveTheConfig) {
  image_.Write("app/configs/training.json", "{}");
  image_.Write("service/configs/training.json", "{}");
  EXPECT_EQ(Find("/app"), In("service"));
}

TEST_F(RootInImage, OfAnActionWithoutAConfigHasConfigs) {
  image_.Write("app/configs/other.json", "{}");
  order_.config = "";
  EXPECT_EQ(Find("/app"), In("app"));
}

// What is missing in /service is told when it is looked for.
TEST_F(RootInImage, IsServiceWhereTheConfigIsInNeither) {
  image_.Write("service/source/main.py", "");
  image_.Write("app/source/main.py", "");
  EXPECT_EQ(Find("/app"), In("service"));
}

TEST_F(RootInImage, ThatHasNoServiceSaysWhatToDo) {
  const std::string remedy =
      "; copy the service's folder there, or make the folder that it is in the image's WORKDIR";
  EXPECT_EQ(Find(""), "the image has no folder /service" + remedy);
  EXPECT_EQ(Find("/"), "the image has no folder /service" + remedy);
  image_.Write("app/source/main.py", "");
  EXPECT_EQ(Find("/app"),
            "the image has no folder /service, and its working directory, /app, has no "
            "configs/training.json" +
                remedy);
  EXPECT_EQ(order_.root, kRoot);
}

// On a VM, where the program is nobody in particular, all that was told of a folder that only root
// may read was "list /service: Permission denied".
TEST_F(RootInImage, ThatTheUserMayNotReadSaysWhatToDo) {
  image_.Write("service/configs/training.json", "{}");
  io::fs::permissions(image_.path(), io::fs::perms(0755));
  io::fs::permissions(image_ / "service", io::fs::perms::none);
  const uid_t user = geteuid();
  ASSERT_TRUE(user != 0 || seteuid(65532) == 0);
  const std::string told = Find("/");
  const std::string other = std::to_string(geteuid());
  ASSERT_EQ(seteuid(user), 0);
  io::fs::permissions(image_ / "service", io::fs::perms(0755));
  EXPECT_EQ(told,
            "the program runs as user " + other +
                ", who may not read /service in the image; let everybody read it: RUN chmod -R "
                "a+rX /service");
}

}  // namespace
}  // namespace busker::runner
