#include "predict/live_model.h"

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include "artifact/version.h"
#include "io/temporary_folder.h"
#include "model/live.h"

namespace busker::predict {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kPauseMin{1000}, kPauseMax{60'000};
constexpr Milliseconds kLoadLimit = std::chrono::minutes(30);
constexpr int kLowPriority = 10;  // as nice(1) has it

}  // namespace

Result<std::unique_ptr<LiveModel>> LiveModel::Follow(Settings settings) {
  TRY_ASSIGN(auto store, artifact::OpenStore(settings.store_url));
  if (settings.store_url.starts_with("file://")) settings.look_every /= 4;
  std::unique_ptr<LiveModel> live(new LiveModel(std::move(settings), std::move(store)));
  live->thread_ = std::jthread([raw = live.get()](const std::stop_token& stop) { raw->Run(stop); });
  return live;
}

LiveModel::LiveModel(Settings settings, std::unique_ptr<artifact::Store> store)
    : settings_(std::move(settings)), store_(std::move(store)) {}

LiveModel::~LiveModel() = default;  // the thread is told to stop, and waited for

LiveModel::State LiveModel::Look() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void LiveModel::Run(const std::stop_token& stop) {
  // On Linux a priority is a thread's own: requests go before a load.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowPriority);
  while (!stop.stop_requested()) {
    try {
      Step(stop);
    } catch (const std::exception& thrown) {  // memory that is not there, most likely
      Fail(thrown.what(), true);
    }
    FreeRetired();
    std::unique_lock lock(sleep_mutex_);
    sleep_.wait_for(lock, stop, settings_.look_every, [] { return false; });
  }
}

void LiveModel::Step(const std::stop_token& stop) {
  const auto live = model::ReadLive(*store_, settings_.service, settings_.service_version,
                                    artifact::ForDecision(stop));
  if (stop.stop_requested()) return;
  if (!live) return Fail("the live pointer cannot be read: " + live.error().message, false);
  const std::string wanted = *live ? (*live)->now.version.Key() : "";
  Want(wanted);
  if (wanted.empty()) {
    if (current_.load() != nullptr) Swap(nullptr);
    return;
  }
  const Loaded current = current_.load();
  if (current != nullptr && current->manifest.name.Key() == wanted) return;
  if (failed_ == wanted && Clock::now() < again_at_) return;
  Load((*live)->now.version, stop);
}

void LiveModel::Load(const artifact::VersionName& version, const std::stop_token& stop) {
  const std::string key = version.Key();
  if (failed_ != key) pause_ = Milliseconds(0);
  failed_ = key;  // until it is known that it was not
  pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
  again_at_ = Clock::now() + pause_;
  const io::Interrupt limit = io::Within(kLoadLimit, stop);
  const auto manifest = artifact::ReadManifest(*store_, version, limit);
  if (!manifest) return Fail(manifest.error().message, true);
  auto loaded = LoadCopied(*manifest, limit);
  if (stop.stop_requested()) return;
  if (!loaded) return Fail(fmt::format("{}: {}", key, loaded.error().message), true);
  failed_.clear();
  Swap(*std::move(loaded));
}

Result<LiveModel::Loaded> LiveModel::LoadCopied(const artifact::Manifest& manifest,
                                                const io::Interrupt& limit) {
  TRY_ASSIGN(const auto folder, io::TemporaryFolder::Make(settings_.scratch, "busker-serving"));
  return LoadVersion(*store_, manifest, folder.path(), limit);
}

// Requests that have the one of before go on with it; the last of them leaves it to this thread.
void LiveModel::Swap(Loaded next) {
  std::string key = next == nullptr ? "" : next->manifest.name.Key();
  std::string model = next == nullptr ? "" : ModelOf(*next);
  Loaded before = current_.exchange(std::move(next));
  if (before != nullptr) retired_.push_back(std::move(before));
  const std::lock_guard lock(mutex_);
  state_.serving = std::move(key);
  state_.model = std::move(model);
  state_.changed_at = Now();
  state_.behind_because.clear();
  if (state_.serving == state_.wanted) state_.behind_since.reset();
}

void LiveModel::FreeRetired() {
  std::erase_if(retired_, [](const Loaded& one) { return one.use_count() == 1; });
}

void LiveModel::Want(const std::string& key) {
  const std::lock_guard lock(mutex_);
  state_.looked = true;
  state_.pointer_followed = true;
  if (state_.wanted != key) state_.behind_because.clear();
  state_.wanted = key;
  if (state_.wanted == state_.serving) {
    state_.behind_since.reset();
    state_.behind_because.clear();
  } else if (!state_.behind_since) {
    state_.behind_since = Now();
  }
}

void LiveModel::Fail(const std::string& sentence, bool pointer_followed) {
  const std::lock_guard lock(mutex_);
  state_.looked = true;
  state_.pointer_followed = pointer_followed;
  state_.behind_because = sentence;
  if (!state_.behind_since) state_.behind_since = Now();
}

}  // namespace busker::predict
