// What every protocol does with a question to a model: finds the model that who asks may ask, the
// one version that answers, and counts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "online/models.h"
#include "online/route.h"
#include "predict/instances.h"

namespace busker::online {

inline constexpr std::size_t kRowsMax = 10'000;  // of a request, when nobody says

// What the routes of protocols share.
struct Serving {
  const Models& models;
  std::size_t rows_max = kRowsMax;
  std::string busker_version = {};
  std::function<bool()> ending = [] { return false; };  // then nothing is ready any more
};

// Answers one question of a version; tells how many instances there were.
struct Question {
  const Served& served;
  const predict::LoadedVersion& version;
  predict::InstanceReader reader;
  std::size_t instances = 0;
};
using Answerer = std::function<http::Response(const Call&, Question&)>;

// 404: no such model, for who asks; or `version` is named, and is not the live one. 503: none is
// ready.
http::Response AskModel(const Serving& serving, const Call& call, std::string_view model,
                        std::string_view version, const Answerer& answerer);

// The only model that who asks may ask, for protocols that name none; empty: there are none, or
// several.
std::string OnlyModel(const Serving& serving, const Call& call);

// Whether all that this server is to answer for can be asked.
bool IsReady(const Serving& serving);

}  // namespace busker::online
