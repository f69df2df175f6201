#include "predict/loaded_version.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json_object.h"
#include "base/text.h"

namespace busker::predict {
namespace {

constexpr std::uint64_t kTextBytesMax = 16u << 20;
constexpr char kNoModelHere[] = "it has no model that is served here";

bool EndsIn(const std::string& file, std::string_view end) {
  return file.size() > end.size() && file.ends_with(end);
}

// JSON that is no model, by its name.
bool IsOurs(const std::string& file) {
  return file == kSignatureFile || file == kSampleFile || file == "metrics.json";
}

std::vector<std::string> FilesThatEndIn(const artifact::Manifest& manifest, std::string_view end) {
  std::vector<std::string> files;
  for (const auto& [file, _] : manifest.files) {
    if (EndsIn(file, end) && !IsOurs(file)) files.push_back(file);
  }
  return files;
}

tl::unexpected<Error> NotWhatWasSaved(const artifact::Manifest& manifest, const std::string& file) {
  return Unusable(fmt::format("version {}: {} is not what was saved", manifest.name.Key(), file));
}

// A small file of the version, whose digest was compared.
Result<std::string> TextIn(artifact::Store& store, const artifact::Manifest& manifest,
                           const std::string& file, const io::Interrupt& interrupt) {
  auto text = store.GetText(manifest.name.Key() + "/" + file, interrupt, kTextBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return NotWhatWasSaved(manifest, file);
  if (!text) return Wrap(file, text.error());
  if (!(io::DigestOf(*text) == manifest.files.at(file))) return NotWhatWasSaved(manifest, file);
  return text;
}

// "model" of signature.json; empty: it says none, and ParseSignature says what else is wrong.
std::string ModelSaidBy(const std::string& signature) {
  const auto value = ParseJson(signature, kSignatureFile);
  if (!value || !value->is_object()) return {};
  const auto model = value->find("model");
  return model != value->end() && model->is_string() ? model->get<std::string>() : std::string();
}

// The file with the model: the one that signature.json names, else the only one there is.
Result<std::string> ModelFileOf(const artifact::Manifest& manifest, const std::string& signature) {
  if (const std::string said = ModelSaidBy(signature); !said.empty()) {
    if (manifest.files.contains(said)) return said;
    return Invalid(fmt::format("{}: \"model\": the version has no file {}", kSignatureFile,
                               Printable(said.substr(0, 200))));
  }
  std::vector<std::string> files = FilesThatEndIn(manifest, ".ubj");
  if (files.empty()) files = FilesThatEndIn(manifest, ".json");
  if (files.size() == 1) return files.front();
  if (files.empty()) {
    return Invalid("it has no model that is served here: no *.ubj or *.json of XGBoost");
  }
  return Invalid(
      fmt::format("it has {} files that may be its model ({}, {}, ...); \"model\" in {} "
                  "says which is",
                  files.size(), files[0], files[1], kSignatureFile));
}

// The names of inputs that the model itself does not know, it cannot be asked by.
Result<Signature> SignatureFrom(const std::string& text, const Model& model,
                                const std::string& file) {
  Signature signature = model.of_itself();
  if (!text.empty()) {
    TRY_ASSIGN(signature, ParseSignature(text, model.of_itself()));
  }
  const bool is_named = std::none_of(signature.inputs.begin(), signature.inputs.end(),
                                     [](const Input& input) { return input.name.empty(); });
  if (!is_named || signature.inputs.empty()) {
    return Invalid(
        fmt::format("it has no {} that names its inputs, nor does {}", kSignatureFile, file));
  }
  if (signature.inputs.size() != model.columns() || signature.outputs.size() != model.outputs()) {
    return Invalid(fmt::format("{}: it has {} inputs and {} outputs, and the model {} and {}",
                               kSignatureFile, signature.inputs.size(), signature.outputs.size(),
                               model.columns(), model.outputs()));
  }
  signature.model = file;
  return signature;
}

// A local path of the model, whose digest was compared.
Result<io::fs::path> GetModel(artifact::Store& store, const artifact::Manifest& manifest,
                              const std::string& file, const io::fs::path& scratch,
                              const io::Interrupt& interrupt) {
  TRY_ASSIGN(io::fs::path path,
             store.LocalPath(manifest.name.Key() + "/" + file, scratch, interrupt));
  TRY_ASSIGN(const io::FileDigest digest, io::DigestFile(path, interrupt));
  if (!(digest == manifest.files.at(file))) return NotWhatWasSaved(manifest, file);
  return path;
}

// The version, whose sample was not asked.
Result<std::shared_ptr<LoadedVersion>> LoadUnasked(artifact::Store& store,
                                                   const artifact::Manifest& manifest,
                                                   const io::fs::path& scratch,
                                                   const io::Interrupt& interrupt) {
  std::string text;
  if (manifest.files.contains(kSignatureFile)) {
    TRY_ASSIGN(text, TextIn(store, manifest, kSignatureFile, interrupt));
  }
  TRY_ASSIGN(const std::string file, ModelFileOf(manifest, text));
  TRY_ASSIGN(const io::fs::path path, GetModel(store, manifest, file, scratch, interrupt));
  auto loaded = std::make_shared<LoadedVersion>();
  loaded->manifest = manifest;
  TRY_ASSIGN(loaded->model, LoadModel(path));
  TRY_ASSIGN(loaded->signature, SignatureFrom(text, *loaded->model, file));
  if (loaded->signature.iterations || loaded->signature.missing_value) {
    TRY_ASSIGN(loaded->model, LoadModel(path, loaded->signature));
  }
  return loaded;
}

}  // namespace

std::string ModelOf(const LoadedVersion& version) {
  const std::string& file = version.signature.model;
  return fmt::format("{}, SHA-256 {}", file, version.manifest.files.at(file).sha256);
}

Servable ServableOf(const artifact::Manifest& manifest) {
  const bool says_so =
      manifest.files.contains(kSampleFile) || manifest.files.contains(kSignatureFile);
  const bool has_model =
      !FilesThatEndIn(manifest, ".ubj").empty() || manifest.files.contains("model.json");
  return says_so || has_model ? Servable::kNative : Servable::kNoModel;
}

Result<std::shared_ptr<const LoadedVersion>> LoadVersion(artifact::Store& store,
                                                         const artifact::Manifest& manifest,
                                                         const io::fs::path& scratch,
                                                         const io::Interrupt& interrupt) {
  if (ServableOf(manifest) == Servable::kNoModel) return Invalid(kNoModelHere);
  if (!manifest.files.contains(kSampleFile))
    return Invalid(fmt::format("it has no {}", kSampleFile));
  TRY_ASSIGN(auto loaded, LoadUnasked(store, manifest, scratch, interrupt));
  TRY_ASSIGN(const std::string text, TextIn(store, manifest, kSampleFile, interrupt));
  TRY_ASSIGN(const Sample sample, ParseSample(text, loaded->signature));
  const auto checked = CheckSample(*loaded->model, sample);
  if (!checked) return Wrap("its sample comes out otherwise", checked.error());
  loaded->sample_size = sample.size;
  return std::shared_ptr<const LoadedVersion>(std::move(loaded));
}

Result<Signature> SignatureOf(artifact::Store& store, const artifact::Manifest& manifest,
                              const io::fs::path& scratch, const io::Interrupt& interrupt) {
  if (ServableOf(manifest) == Servable::kNoModel) return Invalid(kNoModelHere);
  TRY_ASSIGN(auto loaded, LoadUnasked(store, manifest, scratch, interrupt));
  return std::move(loaded->signature);
}

Result<Checked> CheckServing(artifact::Store& store, const artifact::Manifest& manifest,
                             const io::fs::path& scratch, const io::Interrupt& interrupt) {
  if (ServableOf(manifest) == Servable::kNoModel) {
    return Checked{false, kNoModelHere};
  }
  if (!manifest.files.contains(kSampleFile)) {
    return Checked{false, fmt::format("not served online: it has no {}", kSampleFile)};
  }
  TRY_ASSIGN(const auto loaded, LoadVersion(store, manifest, scratch, interrupt));
  return Checked{true, fmt::format("its sample of {} came out right", loaded->sample_size)};
}

}  // namespace busker::predict
