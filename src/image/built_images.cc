#include "image/built_images.h"

#include "base/json_object.h"
#include "image/reference.h"

namespace busker::image {
namespace {

constexpr char kFile[] = "built.json", kLock[] = "lock";
constexpr std::chrono::seconds kLockLimit{30};

// One key for all that a name may be written as; "churn:1" is of an engine, and no name of Docker
// Hub's.
std::string KeyOf(const std::string& name) {
  if (!NamesRegistry(name)) return name;
  const auto reference = ParseReference(name);
  return reference ? reference->Text() : name;
}

}  // namespace

Result<std::map<std::string, std::string>> BuiltImages::Read() const {
  std::map<std::string, std::string> images;
  const io::fs::path file = folder_ / kFile;
  const auto text = io::ReadFile(file);
  if (!text && text.error().kind == ErrorKind::kNotFound) return images;
  if (!text) return tl::unexpected(text.error());
  const auto value = ParseOwnJson(*text, file.string());
  if (!value || !value->is_object()) {
    return Unusable(file.string() + " is damaged; busker build makes it anew");
  }
  for (const auto& [name, reference] : value->items()) {
    if (reference.is_string()) images[name] = reference.get<std::string>();
  }
  return images;
}

Result<std::string> BuiltImages::Find(const std::string& name) const {
  TRY_ASSIGN(const auto images, Read());
  const auto found = images.find(KeyOf(name));
  return found == images.end() ? std::string() : found->second;
}

Result<void> BuiltImages::Add(const std::string& name, const std::string& reference) const {
  TRY(io::MakeFolders(folder_, 0700));
  TRY_ASSIGN(const io::FileLock lock, io::FileLock::Take(folder_ / kLock, kLockLimit));
  auto images = Read();
  const bool is_damaged = !images && images.error().kind == ErrorKind::kUnusable;
  if (is_damaged) images = std::map<std::string, std::string>();
  if (!images) return tl::unexpected(images.error());
  if (reference.empty()) {
    images->erase(KeyOf(name));
  } else {
    (*images)[KeyOf(name)] = reference;
  }
  return io::WriteFileAtomically(folder_ / kFile, JsonText(nlohmann::ordered_json(*images)));
}

}  // namespace busker::image
