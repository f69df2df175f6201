// A daemon with two graphs and a service, and what answers for it.
// For tests only; for .cc files only.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "home/home.h"
#include "io/test_folder.h"
#include "serve/http_service.h"

namespace busker::serve {

inline std::string HeaderOf(const http::Response& response, const std::string& wanted) {
  for (const auto& [name, value] : response.headers) {
    if (name == wanted) return value;
  }
  return "";
}

inline nlohmann::json Body(const http::Response& response) {
  return nlohmann::json::parse(response.body, nullptr, false);
}

class FrontTest : public testing::Test {
 protected:
  static constexpr char kHost[] = "127.0.0.1:8321";

  // `has_steps`: the file "busker" carries out Busker's own steps that need a process, and the gate
  // decides what is live; else they all fail.
  explicit FrontTest(const std::string& target = "local", bool has_steps = false) {
    folder_.Write("graphs/configs/nightly.json",
                  R"({"graph": {"dag_id": "nightly", "start_date": "2019-01-01"}, "tasks": [
                     {"name": "a", "code": "echo hello; echo world"}, {"name": "b", "code": "true"}],
                     "dependencies": [["b", "a"]]})");
    folder_.Write("graphs/configs/daily.json",
                  R"({"graph": {"dag_id": "daily", "schedule_interval": "@daily"}, "tasks": [
                     {"name": "a", "code": "exit 3"}], "dependencies": []})");
    folder_.Write("shop/busker.toml",
                  "name = \"shop\"\nversion = \"1\"\n[model]\ncommand = \"sh model.sh\"\n"
                  "[actions.training]\npromote = true\n");
    folder_.Write("shop/model.sh",
                  "echo m > output/model; echo '{\"auc\": 0.5}' > output/metrics.json");
    home_ = home::MakeHome(folder_ / "home").value();
    daemon::DaemonOptions options;
    options.paths = {(folder_ / "graphs").string(), (folder_ / "shop").string()};
    options.schedules = false;
    options.target = target;
    options.runner = BUSKER_RUNNER_PATH;
    if (has_steps) options.busker = (folder_ / "busker").string();
    options.environment = {"PATH=/usr/bin:/bin"};
    daemon_ = daemon::Daemon::Start(home_, options).value();
    live_.emplace(daemon_->announcer());
    front_.emplace(*daemon_, home_, *live_, Installed{"0.0.1", BUSKER_DUCKDB_PATH},
                   std::vector<std::string>{std::string("http://") + kHost},
                   [this](const std::string& line) { said_.push_back(line); });
    for (const access::Scope scope : {access::Scope::kPredict, access::Scope::kViewer,
                                      access::Scope::kOperator, access::Scope::kAdmin}) {
      const std::string name(NameOf(scope));
      tokens_[name] =
          access::TokenFile(home_.TokensFile()).Add(name, scope, "a test", Now()).value();
    }
  }

  http::Request Make(http::Method method, const std::string& target,
                     const std::string& token) const {
    http::Request request;
    request.method = method;
    request.target = target;
    request.peer = "127.0.0.1";
    request.headers = {{"host", kHost}, {"content-type", "application/json"}};
    if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
    return request;
  }
  http::Response Get(const std::string& target, const std::string& who = "viewer") {
    return front_->Answer(Make(http::Method::kGet, target, tokens_.at(who)), Now());
  }
  http::Response Post(const std::string& target, const std::string& body = "{}",
                      const std::string& who = "operator") {
    http::Request request = Make(http::Method::kPost, target, tokens_.at(who));
    request.body = body;
    return front_->Answer(request, Now());
  }
  // The id of a run that has ended.
  std::string RunToEnd(const plan::GraphKey& graph) {
    daemon::StartRequest request;
    request.graph = graph;
    request.by = "a test";
    std::shared_ptr<daemon::Subscription> heard;
    const std::string run = daemon_->requests().Start(request, &heard).value();
    while (!heard->Ended()) (void)heard->Next(std::chrono::seconds(20));
    return run;
  }

  io::TestFolder folder_;
  std::vector<std::string> said_;  // for the log
  home::Home home_;
  std::unique_ptr<daemon::Daemon> daemon_;
  std::optional<Live> live_;
  std::optional<Front> front_;
  std::map<std::string, std::string> tokens_;
};

}  // namespace busker::serve
