// The engine under test, where tests/docker_test.py has started one: BUSKER_DOCKER_SOCKET is its
// socket, and busker-test:1 an image with a shell. For tests only.
#pragma once

#include <cstdlib>
#include <string>

#include "execute/docker_engine.h"

namespace busker::execute {

// Null: there is none.
inline const char* DockerSocket() { return std::getenv("BUSKER_DOCKER_SOCKET"); }

// What a person does to a container: POST /containers/...; the status of the answer.
inline int PostToDocker(const std::string& what) {
  const auto limit = io::Within(std::chrono::seconds(60));
  const auto facts = DockerEngine(DockerSocket()).About(limit);
  if (!facts) return 0;
  io::HttpSession session;
  io::HttpRequest request;
  request.method = "POST";
  request.url = "http://docker/" + facts->version + "/containers/" + what;
  request.unix_socket = DockerSocket();
  const auto answer = session.Send(request, limit);
  return answer ? answer->status : 0;
}

}  // namespace busker::execute
