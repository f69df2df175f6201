// Verbs that predict: over HTTP, and once.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"

namespace busker::cli {
namespace {

void AddServe(VerbList& verbs) {
  auto& options = verbs.Keep<ServeOptions>();
  CLI::App* verb = verbs.Add(
      "serve",
      "Answer predictions over HTTP from the live version, and follow it: no conductor, nothing on "
      "record. SIGTERM ends it, once what is being answered is.",
      "  busker serve                                          the service of this folder\n"
      "  busker serve --port 8080 --threads 4\n"
      "  busker serve shop/1 --store gs://models --tokens /etc/busker/tokens.json\n",
      [&common = verbs.common(), &options] { return Serve(common, options); }, false);
  // A container that is started as "IMAGE serve" is told the rest by its environment.
  verb->add_option("MODEL", options.model, "NAME/VERSION of a service, with --store")
      ->envname("BUSKER_SERVE_MODEL");
  verb->add_option("--store", options.store, "artifact store, file:///... or gs://...")
      ->envname("BUSKER_SERVE_STORE")
      ->type_name("URL");
  verb->add_option("--address", options.address, "to listen on (default 127.0.0.1)")
      ->envname("BUSKER_SERVE_ADDRESS")
      ->type_name("IP");
  verb->add_option("--port", options.port,
                   "default: $AIP_HTTP_PORT, else 8080; 0: one that is free")
      ->envname("BUSKER_SERVE_PORT")
      ->type_name("N")
      ->each([&options](const std::string& text) { options.any_port = text == "0"; });
  verb->add_option("--threads", options.threads, "how many answer (default: one per processor)")
      ->type_name("N");
  verb->add_option("--tokens", options.tokens,
                   "file of the tokens that may ask (default: tokens.json of the home)")
      ->envname("BUSKER_SERVE_TOKENS")
      ->type_name("FILE");
  verb->add_flag("--without-tokens", options.without_tokens,
                 "let everybody ask who reaches the port")
      ->envname("BUSKER_SERVE_WITHOUT_TOKENS");
  verb->add_option("--certificate", options.certificate, "for TLS, with --key")->type_name("FILE");
  verb->add_option("--key", options.key, "of the certificate")->type_name("FILE");
  verb->add_flag("--insecure-i-know", options.insecure_i_know, "let other machines ask without TLS")
      ->envname("BUSKER_SERVE_INSECURE_I_KNOW");
  verb->add_option("--rows-max", options.rows_max, "most instances of one request (default 10000)")
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->type_name("N");
  verb->add_option("--body-max", options.body_max, "largest request, unpacked (default 16MiB)")
      ->type_name("SIZE");
}

void AddPredict(VerbList& verbs) {
  auto& options = verbs.Keep<PredictOptions>();
  CLI::App* verb = verbs.Add(
      "predict",
      "Predict once, without a server: instances of a file, or of the standard input (-), as JSON "
      "or CSV; predictions as JSON.",
      "  echo '{\"instances\": [{\"age\": 41}]}' | busker predict -\n"
      "  busker predict customers.csv\n"
      "  busker predict 20190801T000000Z customers.json\n",
      [&common = verbs.common(), &options] { return Predict(common, options); });
  verb->add_option("[VERSION] FILE", options.words,
                   "the file; without a VERSION, the live one predicts")
      ->expected(1, 2)
      ->required();
}

}  // namespace

void AddServingVerbs(VerbList& verbs) {
  AddServe(verbs);
  AddPredict(verbs);
}

}  // namespace busker::cli
