// The examples of the manual are files that load.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "service/daemon_setting.h"
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

// The fault of a daemon.toml; empty when it loads.
std::string DaemonFaultOf(const std::string& text) {
  TestFolder folder;
  folder.Write("daemon.toml", text);
  const auto settings = LoadDaemonSettings(folder.root() + "/daemon.toml");
  return settings ? "" : settings.error().message;
}

// What stands in `code` in a text.
std::vector<std::string> CodesIn(const std::string& text) {
  std::vector<std::string> codes;
  const std::regex code("`([^`]+)`");
  for (std::sregex_iterator one(text.begin(), text.end(), code), end; one != end; ++one) {
    codes.push_back((*one)[1]);
  }
  return codes;
}

// Whether the text is a value as a file has it: "off", true, 4.
bool IsValue(const std::string& text) {
  return text == "true" || text == "false" || (text.size() > 1 && text.front() == '"') ||
         (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos);
}

// The manual said starttls = "off", which was refused: true or false.
TEST(Manual, SaysTheSameOfTheDaemonsFileAsTheProgram) {
  const std::map<std::string, std::string> others = {
      {"smtp", "url = \"smtp://mail.example.com\"\nfrom = \"busker@example.com\"\n"},
      {"heartbeat", "url = \"https://example.com\"\n"}};
  int values = 0;
  for (const char* name : {"notifications.md", "daemon.md", "service-file.md", "schedules.md"}) {
    std::ifstream page(std::string(BUSKER_DOCS) + "/" + name);
    for (std::string line; std::getline(page, line);) {
      const std::regex row(R"(\| `(smtp|heartbeat)\.([a-z_]+)` \|(.*)\|)");
      std::smatch found;
      if (!std::regex_match(line, found, row)) continue;
      const std::string table = found[1], key = found[2], told = found[3];
      for (const std::string& value : CodesIn(told)) {
        if (!IsValue(value)) continue;
        ++values;
        EXPECT_EQ(
            DaemonFaultOf("[" + table + "]\n" + others.at(table) + key + " = " + value + "\n"), "")
            << name << ": " << line;
      }
    }
  }
  EXPECT_GE(values, 1);
}

TEST(Manual, NamesNoKeyOfTheDaemonsFileThatThereIsNot) {
  const auto is_key = [](const std::string& table, const std::string& key) {
    // What a table needs is told first.
    std::string head = table.empty() ? "" : "[" + table + "]\n";
    if (table == "smtp" && key != "url") head += "url = \"smtp://h\"\n";
    if (table == "smtp" && key != "from") head += "from = \"a@b.c\"\n";
    if (table == "heartbeat" && key != "url") head += "url = \"https://h\"\n";
    return DaemonFaultOf(head + key + " = true\n").find("unknown key") == std::string::npos;
  };
  EXPECT_FALSE(is_key("smtp", "start_tls"));
  int keys = 0;
  const auto check = [&](const std::string& table, const std::string& key) {
    if (key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != std::string::npos) return;
    if (key == "true" || key == "false") return;
    ++keys;
    EXPECT_TRUE(is_key(table, key)) << "[" << table << "] " << key;
  };
  const std::regex row(R"(\| (.*?) \|(.*)\|)");
  std::smatch found;
  std::ifstream notifications(std::string(BUSKER_DOCS) + "/notifications.md");
  for (std::string line; std::getline(notifications, line) && line != "## At least once";) {
    if (!std::regex_match(line, found, row) || line.starts_with("| `failed`") ||
        line.starts_with("| `recovered`") || line.starts_with("| `late`") ||
        line.starts_with("| `behind`") || line.starts_with("| `approval`")) {
      continue;
    }
    for (const std::string& code : CodesIn(found[1])) {
      const auto dot = code.find('.');
      if (dot == std::string::npos) check("notify", code);
      if (dot != std::string::npos) check(code.substr(0, dot), code.substr(dot + 1));
    }
  }
  std::ifstream service_file(std::string(BUSKER_DOCS) + "/service-file.md");
  bool within = false;
  for (std::string line; std::getline(service_file, line);) {
    if (line.starts_with("## ")) within = line == "## The daemon's own file";
    if (!within || !std::regex_match(line, found, row)) continue;
    for (const std::string& code : CodesIn(found[1])) {
      if (!code.starts_with("[")) {
        check("", code);
      } else if (code != "[pools]") {
        const std::string table = code.substr(1, code.size() - 2);
        for (const std::string& key : CodesIn(found[2])) check(table, key);
      }
    }
  }
  EXPECT_GE(keys, 20);
}

// Every example of a file is one of the service or of the daemon.
TEST(Manual, ShowsNoTomlThatDoesNotLoad) {
  int blocks = 0;
  for (const auto& page : std::filesystem::directory_iterator(BUSKER_DOCS)) {
    if (page.path().extension() != ".md") continue;
    for (const std::string& block : Blocks(page.path().filename().string(), "toml")) {
      ++blocks;
      const std::string service = FaultOf(block);
      const std::string daemon = DaemonFaultOf(block);
      // One that goes with another needs that one's tables.
      const std::string both =
          DaemonFaultOf(block + "[smtp]\nurl = \"smtp://h\"\nfrom = \"a@b.c\"\n");
      EXPECT_TRUE(service.empty() || daemon.empty() || both.empty()) << page.path() << ":\n"
                                                                     << block << "\n"
                                                                     << service << "\n"
                                                                     << daemon;
    }
  }
  EXPECT_GE(blocks, 6);
}

}  // namespace
}  // namespace busker::service
