// prediction --action training|application|evaluation --config FILE
//
// Exit code 0: done. 1: could not be done, one sentence on standard error. 2: wrong usage.

#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "config.h"
#include "result.h"
#include "task.h"

namespace {

constexpr const char* kUsage =
    "usage: prediction --action training|application|evaluation --config FILE\n";

template <class Config>
Result<void> Perform(Result<Config> config,
                     Result<void> (*task)(const Config&, const std::filesystem::path&)) {
  if (!config) return Error(config.error());
  return task(*config, "output");
}

int WrongUsage(const std::string& what) {
  std::fprintf(stderr, "prediction: %s\n%s", what.c_str(), kUsage);
  return 2;
}

int Main(int argc, char** argv) {
  std::map<std::string, std::string> options = {{"--action", ""}, {"--config", ""}};
  for (int i = 1; i < argc; i += 2) {
    const auto option = options.find(argv[i]);
    if (option == options.end()) return WrongUsage(std::string("unknown option ") + argv[i]);
    if (i + 1 == argc) return WrongUsage(std::string(argv[i]) + " needs a value");
    option->second = argv[i + 1];
  }
  const std::string& action = options["--action"];
  const std::string& config = options["--config"];
  if (action.empty()) return WrongUsage("--action is missing");
  if (config.empty()) return WrongUsage("--config is missing");

  Result<void> done;
  if (action == "training") {
    done = Perform(ReadTrainingConfig(config), Train);
  } else if (action == "application") {
    done = Perform(ReadApplicationConfig(config), Apply);
  } else if (action == "evaluation") {
    done = Perform(ReadEvaluationConfig(config), Evaluate);
  } else {
    return WrongUsage("unknown action " + action);
  }
  if (!done) {
    std::fprintf(stderr, "prediction: %s\n", done.error().c_str());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  return Main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "prediction: %s\n", error.what());
  return 1;
}
