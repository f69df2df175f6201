// The verbs of the command line, as the files that describe them add them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/verbs.h"

namespace CLI {
class App;
}

namespace busker::cli {

class VerbList {
 public:
  using Function = std::function<Result<int>()>;

  // `app` and `common` outlive it.
  VerbList(CLI::App& app, Common& common) : app_(app), common_(common) {}

  // What --help puts the verbs under that are added from now on.
  void Under(std::string heading) { heading_ = std::move(heading); }

  // A verb: what it does, in sentences; examples, a line each, indented by two blanks, with remarks
  // behind two blanks more. `json`: it takes --json.
  CLI::App* Add(const std::string& name, const std::string& what, const std::string& examples,
                Function function, bool json = true);
  // The same without options.
  CLI::App* AddPlain(const std::string& name, const std::string& what, const std::string& examples,
                     Function function);
  // A noun, and a verb below it that has the noun's examples.
  CLI::App* AddNoun(const std::string& name, const std::string& what, const std::string& examples);
  CLI::App* AddBelow(CLI::App* noun, const std::string& name, const std::string& what,
                     Function function);
  // One that --help does not tell of.
  CLI::App* AddHidden(const std::string& name, const std::string& what, Function function);

  // --by, for programs that act for somebody.
  void AddBy(CLI::App* verb);
  // -C, --home and what else all verbs take.
  void AddCommon(CLI::App* verb, bool json);

  // Options of a verb, which live as long as this.
  template <typename Options>
  Options& Keep() {
    const auto kept = std::make_shared<Options>();
    kept_.push_back(kept);
    return *kept;
  }

  CLI::App& app() { return app_; }
  Common& common() { return common_; }
  const Function& chosen() const { return chosen_; }  // once the words are parsed

 private:
  CLI::App* Finish(CLI::App* verb, const std::string& examples, Function function);

  CLI::App& app_;
  Common& common_;
  std::string heading_;
  std::vector<std::shared_ptr<void>> kept_;
  Function chosen_;
};

}  // namespace busker::cli
