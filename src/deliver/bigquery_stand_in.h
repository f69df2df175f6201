// The stand-in for Google Cloud (tests/cloud) as a child of a test; for .cc files only.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "artifact/store.h"
#include "deliver/bigquery_warehouse.h"
#include "io/http_session.h"

namespace busker::deliver {

// A project of its own, with the bucket gs://files and the dataset `game`, both in the EU. The
// environment of this process says where it is, until the next one.
class BigQueryStandIn {
 public:
  BigQueryStandIn() {
    std::array<int, 2> in{}, out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) abort();
    process_ = fork();
    if (process_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      if (chdir(BUSKER_SOURCE) != 0) _exit(1);
      setenv("BUSKER_DUCKDB", BUSKER_DUCKDB_PATH, 0);
      execlp("python3", "python3", "-m", "tests.cloud", "--while-stdin", nullptr);
      _exit(1);
    }
    close(in[0]);
    close(out[1]);
    input_ = in[1];
    std::string line;
    for (char c = 0; read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    close(out[0]);
    const auto places = nlohmann::json::parse(line, nullptr, false);
    if (!places.is_object()) abort();
    url_ = places.at("url");
    project_ = places.at("project");
    setenv("STORAGE_EMULATOR_HOST", places.at("storage").get<std::string>().c_str(), 1);
    setenv("BIGQUERY_EMULATOR_HOST", places.at("bigquery").get<std::string>().c_str(), 1);
    Control("buckets", {{"name", "files"}, {"location", "EU"}});
    Control("datasets", {{"name", "game"}, {"location", "EU"}});
  }
  ~BigQueryStandIn() {
    close(input_);
    waitpid(process_, nullptr, 0);
  }
  BigQueryStandIn(const BigQueryStandIn&) = delete;
  BigQueryStandIn& operator=(const BigQueryStandIn&) = delete;

  const std::string& project() const { return project_; }
  std::string Url() const { return "bigquery://" + project_; }

  // Quick, for tests.
  Result<std::unique_ptr<Warehouse>> Open(const std::string& more = "") const {
    BigQuerySettings settings;
    settings.retry = {Milliseconds(2), Milliseconds(20), Milliseconds(3'000)};
    settings.abandoned_after = Milliseconds(300);
    return OpenBigQuery(Url() + more, std::chrono::minutes(1), settings);
  }
  static Result<std::unique_ptr<artifact::Store>> Files() {
    return artifact::OpenStore("gs://files/churn");
  }

  // What the stand-in is told (tests/cloud/control.py), and the API itself.
  void Control(const std::string& path, const nlohmann::json& body) const {
    EXPECT_EQ(Call("POST", "/_control/" + path, body).first, 200) << path;
  }
  void Misbehave(const std::string& kind, const std::string& where, nlohmann::json more = {},
                 int count = 1) const {
    more["kind"] = kind;
    more["where"] = where;
    more["count"] = count;
    Control("misbehave", more);
  }
  std::pair<int, nlohmann::json> Api(const std::string& method, const std::string& path,
                                     const nlohmann::json& body = nullptr) const {
    return Call(method, "/bigquery/v2/projects/" + project_ + path, body);
  }
  nlohmann::json TableResource(const std::string& table) const {
    return Api("GET", "/datasets/game/tables/" + table).second;
  }
  std::pair<int, nlohmann::json> Call(const std::string& method, const std::string& target,
                                      const nlohmann::json& body) const {
    io::HttpSession http;
    io::HttpRequest request;
    request.method = method;
    request.url = url_ + target;
    request.response_bytes_max = 64 << 20;
    if (!body.is_null()) {
      request.body = body.dump();
      request.headers = {{"Content-Type", "application/json"}};
    }
    const auto response = http.Send(request, io::Within(std::chrono::seconds(30)));
    if (!response) return {0, response.error().message};
    return {response->status, nlohmann::json::parse(response->body, nullptr, false)};
  }

 private:
  pid_t process_ = 0;
  int input_ = -1;
  std::string url_, project_;
};

}  // namespace busker::deliver
