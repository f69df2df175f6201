#include <gtest/gtest.h>

#include "service/keys.h"
#include "service/test_folder.h"

namespace busker::service {
namespace {

TEST(Secrets, AreFilesUnlessTheEnvironmentIsAskedFor) {
  const Service service = ServiceOf(R"(
[model]
secrets.PASSWORD_FILE = "warehouse-password"
secrets.API_KEY = { name = "api-key", as = "environment" }
[actions.training]
[actions.application]
secrets = { API_KEY = { name = "api-key.2", as = "file" }, MORE = { name = "more" } }
)");
  const Secrets& training = service.actions.at("training").secrets;
  ASSERT_EQ(training.size(), 2u);
  EXPECT_EQ(training.at("PASSWORD_FILE").name, "warehouse-password");
  EXPECT_FALSE(training.at("PASSWORD_FILE").as_environment);
  EXPECT_EQ(training.at("API_KEY").name, "api-key");
  EXPECT_TRUE(training.at("API_KEY").as_environment);
  const Secrets& application = service.actions.at("application").secrets;
  ASSERT_EQ(application.size(), 3u) << "those of [model], too";
  EXPECT_EQ(application.at("API_KEY").name, "api-key.2");
  EXPECT_FALSE(application.at("API_KEY").as_environment);
  EXPECT_EQ(application.at("MORE").name, "more");
}

TEST(Secrets, FaultsHaveTheirPlace) {
  EXPECT_EQ(FaultOf("[model]\nsecrets = { API_KEY = { nam = \"x\" } }"),
            "busker.toml:2:13: secrets.API_KEY in [model] needs the key \"name\"");
  EXPECT_EQ(FaultOf("[model]\nsecrets = { API_KEY = { name = \"x\", at = \"file\" } }"),
            "busker.toml:2:37: unknown key \"at\" in secrets.API_KEY in [model], did you mean "
            "\"as\"?");
  EXPECT_EQ(FaultOf("[model]\nsecrets = { API_KEY = { name = \"x\", as = \"enviroment\" } }"),
            "busker.toml:2:42: \"as\" in secrets.API_KEY in [model]: unknown value \"enviroment\", "
            "did you mean \"environment\"?");
  EXPECT_EQ(FaultOf("[model]\nsecrets = [\"API_KEY\"]"),
            "busker.toml:2:11: \"secrets\" in [model] must be a table, such as "
            "{ WAREHOUSE_PASSWORD_FILE = \"warehouse-password\" }, not an array");
  EXPECT_EQ(FaultOf("[model]\nsecrets = { API_KEY = 5 }"),
            "busker.toml:2:23: secrets.API_KEY in [model] must be a string, not the integer 5");
  EXPECT_EQ(FaultOf("[model]\nsecret = { API_KEY = \"x\" }"),
            "busker.toml:2:1: unknown key \"secret\" in [model], did you mean \"secrets\"?");
}

TEST(Secrets, AValueInPlaceOfANameIsNotRepeated) {
  for (const std::string form : {"\"Hunter2!\"", "{ name = \"Hunter2!\" }"}) {
    const std::string fault = FaultOf("[model]\nsecrets = { API_KEY = " + form + " }");
    EXPECT_NE(fault.find("is not a valid name of a secret"), std::string::npos) << fault;
    EXPECT_NE(fault.find("busker secret set NAME"), std::string::npos) << fault;
    EXPECT_EQ(fault.find("Hunter2"), std::string::npos) << fault;
  }
}

TEST(Secrets, VariablesAreThoseThatTellAProgramSomething) {
  for (const std::string variable :
       {"PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "IFS", "GCONV_PATH",
        "PYTHONPATH", "GLIBC_TUNABLES", "BASH_FUNC_x", "NODE_OPTIONS"}) {
    EXPECT_EQ(FaultOf("[model]\nsecrets = { " + variable + " = \"x\" }"),
              "busker.toml:2:13: \"" + variable +
                  "\" cannot be the variable of a secret: it changes how programs run; choose "
                  "another name");
  }
  for (const std::string variable : {"NAME", "VERSION", "ACTION", "ZONE", "BUSKER_RUN"}) {
    const std::string fault = FaultOf("[model]\nsecrets = { " + variable + " = \"x\" }");
    EXPECT_NE(fault.find("is set by Busker itself"), std::string::npos) << fault;
  }
  for (const std::string variable :
       {"\"A B\"", "\"A=B\"", "\"\"", "\"A/B\"", "A-B", "1A", "\"\xC3\xA9\""}) {
    const std::string fault = FaultOf("[model]\nsecrets = { " + variable + " = \"x\" }");
    EXPECT_EQ(fault.substr(0, 17), "busker.toml:2:13:") << fault;
  }
}

TEST(Secrets, AVariableHasOneValue) {
  EXPECT_EQ(
      FaultOf("[model]\nsecrets = { KEY = \"x\" }\nenvironment = { KEY = \"y\" }"),
      "busker.toml:2:13: \"KEY\" is set by \"environment\" already; a variable has one value");
  EXPECT_EQ(
      FaultOf("[model]\nenvironment = { KEY = \"y\" }\n[actions.training]\nsecrets.KEY = \"x\""),
      "busker.toml:4:9: \"KEY\" is set by \"environment\" already; a variable has one value");
  EXPECT_EQ(
      FaultOf("[actions.training]\nsecrets.KEY = \"x\"\n[model]\npass_environment = [\"KEY\"]"),
      "busker.toml:2:9: \"KEY\" is set by \"pass_environment\" already; a variable has one "
      "value");
}

TEST(Secrets, OfAnActionAreBounded) {
  std::string all;
  for (int i = 0; i < 65; ++i) all += "secrets.K" + std::to_string(i) + " = \"x\"\n";
  EXPECT_EQ(FaultOf("[model]\n" + all),
            "busker.toml:2:1: an action can have 64 secrets, and [model] has 65");
  // Those of [model] are of each action, too.
  std::string some;
  for (int i = 0; i < 64; ++i) some += "secrets.K" + std::to_string(i) + " = \"x\"\n";
  const std::string model = "[model]\n" + some + "[actions.training]\n";
  EXPECT_EQ(FaultOf(model + "secrets.K0 = \"y\"\n"), "") << "one in the place of another";
  EXPECT_EQ(FaultOf(model + "secrets.MORE = \"y\"\n"),
            "busker.toml:67:1: an action can have 64 secrets, and [actions.training] has 65");
}

}  // namespace
}  // namespace busker::service
