#include "serve/page.h"

namespace busker::serve {

void AddPages(Routes& routes) {
  for (const Asset& asset : Assets()) {
    routes.Add({http::Method::kGet,
                std::string(asset.path),
                access::Scope::kViewer,
                "A part of the dashboard.",
                [asset](const Call&) {
                  http::Response response;
                  response.type = std::string(asset.type);
                  response.body = std::string(asset.bytes);
                  return response;
                },
                Reach::kOwn,
                {},
                {},
                /*is_page=*/true});
  }
}

}  // namespace busker::serve
