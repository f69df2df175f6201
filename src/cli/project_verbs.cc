// Verbs of a project: to begin one, to check it, to make what it runs in.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"
#include "cli/doctor.h"

namespace busker::cli {
namespace {

void AddNew(VerbList& verbs) {
  auto& options = verbs.Keep<NewOptions>();
  CLI::App* verb = verbs.Add(
      "new", "Create a project: a service that runs, to put your model into.",
      "  busker new churn               in Python, with scikit-learn\n"
      "  busker new churn --shell       nothing to install\n",
      [&common = verbs.common(), &options] { return New(common, options); }, false);
  verb->add_option("NAME", options.name, "of the service, and of its folder")->required();
  CLI::Option* python =
      verb->add_flag("--python", options.python, "a model of scikit-learn (default)");
  CLI::Option* cpp = verb->add_flag("--cpp", options.cpp, "in C++, without a library");
  CLI::Option* shell = verb->add_flag("--shell", options.shell, "as a shell script");
  python->excludes(cpp)->excludes(shell);
  cpp->excludes(shell);
}

void AddInit(VerbList& verbs) {
  auto& options = verbs.Keep<InitOptions>();
  CLI::App* verb = verbs.Add(
      "init", "Write a busker.toml that spells out what the folder's layout says already.",
      "  busker init -C my-service\n",
      [&common = verbs.common(), &options] { return Init(common, options); }, false);
  verb->add_flag("--force", options.force, "replace the file that is there");
}

void AddBuild(VerbList& verbs) {
  auto& options = verbs.Keep<BuildOptions>();
  CLI::App* verb =
      verbs.Add("build",
                "Make the service's image and push it: by its Dockerfile with Docker or Podman, or "
                "without either, layer by layer. With --target local, make the .venv instead.",
                "  busker build                   for the target that names an image\n"
                "  busker build --target local    the .venv, from requirements.txt\n",
                [&common = verbs.common(), &options] { return Build(common, options); });
  verb->add_flag("-q,--quiet", options.quiet, "print the result only");
}

}  // namespace

void AddProjectVerbs(VerbList& verbs) {
  const Common& common = verbs.common();
  AddNew(verbs);
  AddInit(verbs);
  AddBuild(verbs);
  verbs.Add(
      "doctor",
      "Check that this machine has what runs need, and with --target that the target has it: a "
      "line per check, with the command that repairs it. Exit code 1: something is missing.",
      "  busker doctor\n"
      "  busker doctor --target cloud    rights, places, quotas and the image, before the "
      "first run\n",
      [&common] { return Doctor(common); });
  verbs.Add("validate",
            "Check the services and graph files of the folder; every fault with its place.",
            "  busker validate\n"
            "  busker validate --target docker    also what does not fit there\n",
            [&common] { return ValidateService(common); });
  verbs.Add(
      "schema", "Print the JSON Schema of busker.toml, for editors.",
      "  busker schema > busker.schema.json\n", [&common] { return PrintSchema(common); }, false);
}

}  // namespace busker::cli
