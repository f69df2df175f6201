// A version that is ready to be asked: its model loaded, its sample come out right in this very
// process.
#pragma once

#include <memory>
#include <string>

#include "artifact/version.h"
#include "predict/model.h"
#include "predict/sample.h"

namespace busker::predict {

struct LoadedVersion {
  artifact::Manifest manifest;
  Signature signature;
  std::unique_ptr<Model> model;
  std::size_t sample_size = 0;
};

// The file of its model and that one's digest: "model.json, SHA-256 4f1c...".
std::string ModelOf(const LoadedVersion& version);

// What a version has for serving, by its manifest: whether its files say that it can be served
// here.
enum class Servable { kNative, kNoModel };
Servable ServableOf(const artifact::Manifest& manifest);  // looks at names of files alone

// Gets the model, signature and sample of the version (digests compared before anything is opened;
// `scratch` is an existing folder for copies), loads, and asks the sample. kInvalid: it cannot be
// served, with the reason (no signature, no sample, unknown objective, first instance that
// differs). kUnusable: a file is not what the manifest says. Runs on a thread that may take long.
Result<std::shared_ptr<const LoadedVersion>> LoadVersion(artifact::Store& store,
                                                         const artifact::Manifest& manifest,
                                                         const io::fs::path& scratch,
                                                         const io::Interrupt& interrupt);

// What a model of the version takes and gives, with or without a sample; errors as LoadVersion.
Result<Signature> SignatureOf(artifact::Store& store, const artifact::Manifest& manifest,
                              const io::fs::path& scratch, const io::Interrupt& interrupt);

// The same for whoever moves the pointer: nothing is kept. A version without a model of XGBoost and
// without a sample passes: nothing here serves it. `what` of the answer is a sentence for the
// record: "its sample of 120 came out right", "it has no model that is served here".
struct Checked {
  bool was_asked = false;
  std::string sentence;
};
Result<Checked> CheckServing(artifact::Store& store, const artifact::Manifest& manifest,
                             const io::fs::path& scratch, const io::Interrupt& interrupt);

}  // namespace busker::predict
