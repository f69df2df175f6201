// The live model of a service, swapped while it is asked: follows the live pointer, loads and
// checks what it names on a thread of its own, then changes one pointer.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "artifact/store.h"
#include "base/time.h"
#include "predict/loaded_version.h"

namespace busker::predict {

class LiveModel {
 public:
  struct Settings {
    std::string store_url, service, service_version;
    io::fs::path scratch;           // for copies of stores elsewhere; made when it is not there
    Milliseconds look_every{1000};  // at the pointer; at one in a folder here four times as often
  };
  // Starts the thread that follows. Ready later, or never: Look says. kInvalid: the store's URL.
  static Result<std::unique_ptr<LiveModel>> Follow(Settings settings);
  ~LiveModel();  // what was handed out stays

  // What is asked now; nullptr: nothing is ready. One atomic read; any thread; a request calls it
  // once.
  std::shared_ptr<const LoadedVersion> Current() const { return current_.load(); }

  // How it stands: for health, status and metrics.
  struct State {
    std::string wanted;   // key of the version that the pointer names; empty: none
    std::string serving;  // that is asked; empty: none
    std::string model;    // of that: its file and digest, "model.json, SHA-256 4f1c..."
    std::string
        behind_because;  // why they differ: a sentence; empty: they do not, or it is loading
    std::optional<Instant> behind_since;
    bool pointer_followed = true;  // the pointer could be read last time
    bool looked = false;           // at the pointer, at least once
    Instant changed_at{};          // since when `serving` is asked
  };
  State Look() const;

  const Settings& settings() const { return settings_; }

 private:
  using Loaded = std::shared_ptr<const LoadedVersion>;

  LiveModel(Settings settings, std::unique_ptr<artifact::Store> store);
  void Run(const std::stop_token& stop);
  void Step(const std::stop_token& stop);
  void Load(const artifact::VersionName& version, const std::stop_token& stop);
  Result<Loaded> LoadCopied(const artifact::Manifest& manifest, const io::Interrupt& limit);
  void Swap(Loaded next);
  void FreeRetired();
  void Want(const std::string& key);
  void Fail(const std::string& sentence, bool pointer_followed);

  const Settings settings_;
  const std::unique_ptr<artifact::Store> store_;
  std::atomic<Loaded> current_;

  mutable std::mutex mutex_;  // guards the state
  State state_;

  // Of the thread.
  std::vector<Loaded> retired_;  // that requests may still ask; freed here, where nobody waits
  std::string failed_;           // the version that could not be loaded
  std::chrono::steady_clock::time_point again_at_{};  // when it is tried again
  Milliseconds pause_{0};

  std::mutex sleep_mutex_;
  std::condition_variable_any sleep_;
  std::jthread thread_;  // last: it uses all of these
};

}  // namespace busker::predict
