// The stand-in for Google Cloud (tests/cloud) as a child of a test, and this process's environment
// so that it is where Google is. For tests only; for .cc files only.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "io/http_session.h"
#include "io/test_folder.h"

namespace busker::execute {

// One of them at a time. It ends with this process.
class CloudStandIn {
 public:
  explicit CloudStandIn(const std::vector<std::string>& options) {
    int in[2], out[2];
    EXPECT_EQ(::pipe(in) + ::pipe(out), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
      std::vector<const char*> words = {"python3", "-m", "tests.cloud", "--while-stdin"};
      for (const std::string& option : options) words.push_back(option.c_str());
      words.push_back(nullptr);
      if (::chdir(BUSKER_SOURCE) == 0) ::execvp("python3", const_cast<char**>(words.data()));
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = io::Descriptor(in[1]);
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(out[0]);
    const auto places = nlohmann::json::parse(line);
    url_ = places["url"];
    const std::string key = R"({"type": "authorized_user", "client_id": "id", "client_secret": "s",
        "refresh_token": "1//r", "quota_project_id": "example-project", "token_uri": ")" +
                            places["token_uri"].get<std::string>() + "\"}";
    EXPECT_TRUE(io::WriteFileUnsynced(folder_ / "key.json", key));
    setenv("GOOGLE_APPLICATION_CREDENTIALS", (folder_ / "key.json").c_str(), 1);
    setenv("STORAGE_EMULATOR_HOST", url_.substr(url_.find("//") + 2).c_str(), 1);
    setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", url_.c_str(), 1);
    Tell("people", {{"email", "busker@example.com"},
                    {"refresh_token", "1//r"},
                    {"client_id", "id"},
                    {"client_secret", "s"}});
    Tell("buckets", {{"name", "bucket"}});
  }
  ~CloudStandIn() {
    for (const char* name : {"GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST",
                             "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"}) {
      unsetenv(name);
    }
    in_.Close();
    ::waitpid(child_, nullptr, 0);
  }

  // As entries of an environment.
  std::vector<std::string> Environment() const {
    return {"STORAGE_EMULATOR_HOST=" + url_.substr(url_.find("//") + 2),
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=" + url_};
  }

  nlohmann::json Call(const std::string& method, const std::string& path,
                      const nlohmann::json& body = {}) {
    io::HttpRequest request;
    request.method = method;
    request.url = url_ + path;
    if (!body.is_null()) {
      request.headers.push_back({"Content-Type", "application/json"});
      request.body = body.dump();
    }
    request.response_bytes_max = 64 << 20;
    const auto answer = io::HttpSession().Send(request, io::Within(std::chrono::seconds(60)));
    EXPECT_TRUE(answer) << answer.error().message;
    if (!answer) return {};
    EXPECT_EQ(answer->status, 200) << path << ": " << answer->body;
    return nlohmann::json::parse(answer->body, nullptr, false);
  }
  nlohmann::json Tell(const std::string& what, const nlohmann::json& body) {
    return Call("POST", "/_control/" + what, body);
  }
  nlohmann::json Ask(const std::string& what) { return Call("GET", "/_control/" + what); }

  void Misbehave(const std::string& kind, const std::string& where = "", int count = 1,
                 nlohmann::json more = nlohmann::json::object()) {
    more.update({{"kind", kind}, {"where", where}, {"count", count}});
    Tell("misbehave", more);
  }
  void Behave() { Call("DELETE", "/_control/misbehave"); }
  // What nobody asked for, or what a person did.
  void Happens(const std::string& event, const std::string& zone, const std::string& vm) {
    Call("POST", "/_control/vms/" + zone + "/" + vm + "/" + event);
  }

  // "zone/name" of all VMs.
  std::vector<std::string> Vms() {
    std::vector<std::string> names;
    const auto answer = Ask("vms");
    for (const auto& vm : answer["vms"]) {
      names.push_back(vm["zone"].get<std::string>() + "/" + vm["name"].get<std::string>());
    }
    return names;
  }
  std::vector<std::string> Objects() {
    std::vector<std::string> names;
    const auto answer = Ask("buckets/bucket");
    for (const auto& one : answer["objects"]) names.push_back(one["name"]);
    return names;
  }
  // How many requests there were that have `part` in them.
  int Requests(const std::string& part) {
    int count = 0;
    const auto answer = Ask("requests");
    for (const auto& one : answer["requests"]) {
      count += one.get<std::string>().find(part) != std::string::npos ? 1 : 0;
    }
    return count;
  }

 private:
  const io::TestFolder folder_;
  pid_t child_ = -1;
  io::Descriptor in_;
  std::string url_;
};

}  // namespace busker::execute
