// The examples of the manual are files that load.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "service/graph_file.h"
#include "service/test_folder.h"

namespace busker::service {
namespace {

// The blocks of a page in ```LANGUAGE.
std::vector<std::string> Blocks(const std::string& page, const std::string& language) {
  std::ifstream file(std::string(BUSKER_DOCS) + "/" + page);
  std::stringstream whole;
  whole << file.rdbuf();
  const std::string text = whole.str();
  const std::string fence = "```" + language + "\n";
  std::vector<std::string> blocks;
  for (std::size_t at = 0; (at = text.find(fence, at)) != std::string::npos;) {
    const auto begin = at + fence.size();
    const auto end = text.find("```", begin);
    blocks.push_back(text.substr(begin, end - begin));
    at = end;
  }
  return blocks;
}

TEST(Manual, ShowsGraphFilesThatLoad) {
  const auto blocks = Blocks("graph-files.md", "json");
  ASSERT_EQ(blocks.size(), 1U);
  TestFolder folder;
  folder.Write("scheduler/configs/training.json", blocks[0]);
  const auto file = LoadGraphFile(folder.root() + "/scheduler/configs/training.json");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->id, "example-prediction-service-training");
  EXPECT_EQ(file->schedule, "0 0 1 * *");
  ASSERT_EQ(file->tasks.size(), 4U);
  EXPECT_EQ(file->tasks[0].name, "build");
  EXPECT_EQ(file->tasks[3].after, std::vector<std::string>{"wait"});
  EXPECT_EQ(file->tasks[0].code, "make -C \"" + folder.root() + "/scheduler/..\" training-build");
}

TEST(Manual, ShowsServiceFilesThatLoad) {
  const auto blocks = Blocks("service-file.md", "toml");
  ASSERT_GE(blocks.size(), 3U);
  for (const std::string& block : blocks) EXPECT_EQ(FaultOf(block), "") << block;
}

}  // namespace
}  // namespace busker::service
