// What a service file may say of containers is written down where files are read and where
// containers are made, and neither room knows the other.
#include <gtest/gtest.h>

#include <map>

#include "base/text.h"
#include "execute/docker_container.h"
#include "service/test_folder.h"

namespace busker::cli {
namespace {

std::string FaultOfSetting(const std::string& setting) {
  return service::FaultOf("[targets.prod]\nimage = \"churn\"\nexecutor = \"docker://?" + setting +
                          "\"\n");
}

TEST(ContainerSettings, AreTheSameInServiceFilesAndWhereContainersAreMade) {
  const std::map<std::string, std::string> values = {
      {"network", "none"}, {"mount", "/data"}, {"gpus", "all"}, {"pull", "always"}};
  const std::vector<std::string> names(execute::kContainerSettings.begin(),
                                       execute::kContainerSettings.end());
  const std::string unknown = FaultOfSetting("what-is-this=1");
  EXPECT_TRUE(unknown.ends_with("unknown setting \"what-is-this\", there are " + Join(names, ", ")))
      << unknown;
  ASSERT_EQ(values.size(), names.size());
  for (const std::string& name : names) {
    const std::string setting = name + "=" + values.at(name);
    EXPECT_EQ(FaultOfSetting(setting), "");
    const auto settings = execute::ContainerSettingsIn("docker://?image=churn&" + setting);
    EXPECT_TRUE(settings) << settings.error().message;
  }
}

}  // namespace
}  // namespace busker::cli
