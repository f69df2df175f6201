#include "service/shell_signs.h"

#include <gtest/gtest.h>

#include "service/service.h"
#include "service/test_folder.h"

namespace busker::service {
namespace {

using Signs = std::vector<std::string>;

// "echo hi > output/x" was valid, ran without a shell, and wrote "hi > output/x" to the log.
TEST(ShellSigns, FindsWhatAShellWouldActOn) {
  EXPECT_EQ(ShellSigns("echo hi > output/x"), Signs{">"});
  EXPECT_EQ(ShellSigns("python train.py >output/log 2>&1"), (Signs{">", ">&"}));
  EXPECT_EQ(ShellSigns("a && b || c; d | e < f >> g &"),
            (Signs{"&&", "||", ";", "|", "<", ">>", "&"}));
  EXPECT_EQ(ShellSigns("cd src && python main.py"), (Signs{"cd", "&&"}));
  EXPECT_EQ(ShellSigns("a && cd src"), (Signs{"&&", "cd"}));
  EXPECT_EQ(ShellSigns("a && b && source venv/bin/activate"), (Signs{"&&", "source"}));
  EXPECT_EQ(ShellSigns("OMP_NUM_THREADS=1 python main.py"), Signs{"OMP_NUM_THREADS=1"});
  EXPECT_EQ(ShellSigns("A=1 B=2 export C=3"), (Signs{"A=1", "B=2", "export"}));
  EXPECT_EQ(ShellSigns("cat data/*.csv part-?.csv"), (Signs{"data/*.csv", "part-?.csv"}));
  EXPECT_EQ(ShellSigns("ls ~/data ~"), (Signs{"~/data", "~"}));
  EXPECT_EQ(ShellSigns("echo $HOME $1 \"in $PWD\" $(date) `date`"),
            (Signs{"$HOME", "$1", "$PWD", "$(", "`"}));
  EXPECT_EQ(ShellSigns("a>b"), Signs{">"});
  EXPECT_EQ(ShellSigns("a > b > c"), Signs{">"});
  EXPECT_EQ(ShellSigns("sh run.sh > log"), Signs{">"});
  EXPECT_EQ(ShellSigns("sh -c 'a' > log"), Signs{">"});
}

TEST(ShellSigns, SaysNothingOfWhatIsMeantSo) {
  for (const char* command :
       {"python -m prediction.main --action ${ACTION} --config configs/${ACTION}.json",
        "sh -c 'cd src && python main.py > $OUT; ls *.csv ~'", "sh -c \"echo $HOME > x\"",
        "/bin/bash -lc 'a | b'", "env A=1 bash -c \"echo `date`\"", "grep 'a|b' \"c>d\" 'e*'",
        "a \\> b \\$HOME \\*", "tool --where=x --rate 5% --at a~b --n=-1",
        "curl http://h/x?a=1&b=2", "tool 'price in $' 100$", "env A=1 python main.py", "tool cd",
        "", "'cd' x", "tool {a,b} [x] #1 !"}) {
    EXPECT_EQ(ShellSigns(command), Signs{}) << command;
  }
}

TEST(ShellSigns, AreAWarningWithTheirPlaceAndNoFault) {
  TestFolder folder;
  folder.Write("busker.toml",
               "name = \"p\"\n[actions.b]\ncommand = \"echo hi > output/x\"\n"
               "[actions.c]\ncommand = \"cd x && a\"\n[actions.d]\ncommand = \"sh -c 'a > b'\"\n");
  EXPECT_EQ(Validate(folder.root()), Signs{});
  const auto service = LoadService(folder.root());
  ASSERT_TRUE(service) << service.error().message;
  EXPECT_EQ(
      service->warnings,
      (Signs{"busker.toml:3:11: \"command\" in [actions.b]: \">\" is an ordinary character "
             "here: there is no shell; sh -c '...' has one. Put it in quotes when it is meant so",
             "busker.toml:5:11: \"command\" in [actions.c]: \"cd\", \"&&\" are ordinary text "
             "here: there is no shell; sh -c '...' has one. Put each in quotes when it is meant "
             "so"}));
}

}  // namespace
}  // namespace busker::service
