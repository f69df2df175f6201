#include "serve/page.h"

namespace busker::serve {

void AddPages(Router& router) {
  for (const Asset& asset : Assets()) {
    router.Add({Method::kGet,
                std::string(asset.path),
                Scope::kViewer,
                "A part of the dashboard.",
                [asset](const Call&) {
                  Response response;
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
