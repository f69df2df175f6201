#include <gtest/gtest.h>

#include "service/test_folder.h"

namespace busker::service {
namespace {

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += "<" + word + ">";
  return text;
}

// All that a service says, as text that a failing test can show.
std::string Described(const Service& service) {
  std::string text = service.name + " " + service.version + "\n";
  for (const auto& [name, value] : service.environment) text += name + "=" + value + "\n";
  text += Join(service.pass_environment) + "\n";
  for (const auto& [name, action] : service.actions) {
    text += name + " " + Join(action.command) + " " + action.config +
            (action.input == Input::kLive ? " live" : "") + (action.promotes ? " promotes" : "") +
            " " + action.schedule.value_or("-") + " " + action.time_zone + " " +
            action.expected_by.value_or("-") + " " + std::to_string(action.retries) + " " +
            std::to_string(action.retry_delay.count()) + " " +
            (action.timeout ? std::to_string(action.timeout->count()) : "-") + " " +
            action.promote_when.value_or("-") + "\n";
    for (const auto& delivery : action.deliveries) {
      text += "  " + delivery.file + " " + delivery.table + " " + delivery.write +
              (delivery.rows_min ? std::to_string(*delivery.rows_min) : "-") + "\n";
      for (const auto& [column, type] : delivery.schema)
        text += "    " + column + " " + type + "\n";
    }
  }
  for (const auto& [name, target] : service.targets) text += name + "\n";
  return text;
}

// The file with every line that is a commented-out "key = value" or "[table]" put in force.
std::string Uncommented(const std::string& text) {
  std::string all;
  std::string line;
  for (char c : text) {
    line += c;
    if (c != '\n') continue;
    const bool key = line.starts_with("# ") && line.find(" = ") != std::string::npos &&
                     line.find(' ', 2) == line.find(" = ");
    if (key || line.starts_with("# [")) line = line.substr(2);
    all += line;
    line.clear();
  }
  return all;
}

TEST(InitialFile, DescribesTheServiceThatTheConventionsFound) {
  TestFolder folder("Lifetime Value");
  folder.Configs({"training", "application", "testing"}).MakeFolder("source").MakeFolder(".venv");
  const Service conventional = folder.Load();
  folder.File(InitialFile(conventional));
  EXPECT_EQ(folder.Fault(), "");
  const Service from_file = folder.Load();
  EXPECT_TRUE(from_file.has_file);
  EXPECT_EQ(Described(from_file), Described(conventional));
  EXPECT_TRUE(Validate(folder.root()).empty());
}

TEST(InitialFile, IsGoodWithoutSourceAndVirtualEnvironmentToo) {
  TestFolder folder;
  folder.Configs({"application"});
  const Service conventional = folder.Load();
  folder.File(InitialFile(conventional));
  EXPECT_EQ(Described(folder.Load()), Described(conventional));
}

TEST(InitialFile, ShowsExamplesThatWouldLoad) {
  TestFolder folder;
  folder.Configs({"training", "application"}).MakeFolder("source");
  const std::string text = InitialFile(folder.Load());
  folder.File(Uncommented(text));
  EXPECT_EQ(folder.Fault(), "") << Uncommented(text);
  const Service service = folder.Load();
  EXPECT_EQ(service.targets.size(), 1U);
  EXPECT_TRUE(service.actions.at("training").promote_when);
  EXPECT_TRUE(service.actions.at("application").schedule);
  EXPECT_EQ(service.actions.at("application").deliveries[0].schema.size(), 3U);
}

TEST(InitialFile, QuotesWhatNeedsQuotes) {
  TestFolder folder;
  folder.Configs({"training"})
      .MakeFolder("source")
      .File(
          R"(model = { command = "run 'a b' \"it's\" '' c\\\\d ${CONFIG}", environment = { X = "a\"b\\c\t" } })");
  const Service service = folder.Load();
  folder.File(InitialFile(service));
  EXPECT_EQ(Described(folder.Load()), Described(service));
}

}  // namespace
}  // namespace busker::service
