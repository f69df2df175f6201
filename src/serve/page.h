// The dashboard: what dashboard/ builds, as bytes within this program.
#pragma once

#include <span>
#include <string_view>

#include "serve/route.h"

namespace busker::serve {

struct Asset {
  std::string_view path;  // "/", "/app.js"
  std::string_view type;
  std::string_view bytes;
};
std::span<const Asset> Assets();  // made by cmake/embed.cmake

void AddPages(Routes& routes);

}  // namespace busker::serve
