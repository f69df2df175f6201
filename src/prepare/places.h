// Where the things of a service are: the set of places that a target names.
#pragma once

#include <string>

#include "base/result.h"
#include "service/service.h"

namespace busker::prepare {

struct Places {
  std::string busker;     // this program, for Busker's own steps
  std::string store_url;  // of the artifact store
  std::string warehouse_url;
  std::string home = {};  // orders name what is in it relative to it (attempt/home_place.h)
};

// What a target leaves out is in the home.
struct HomePlaces {
  std::string busker, store_url, warehouse_url, home;
};

// kNotFound: the service has no such target ("local" is built in); kInvalid: the target asks for
// something that this version does not have.
Result<Places> PlacesOf(const service::Service& service, const std::string& target,
                        const HomePlaces& home);

}  // namespace busker::prepare
