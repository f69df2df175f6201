// What most verbs begin with: the service in the folder, its home, and where the target keeps
// things.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "artifact/store.h"
#include "cli/verbs.h"
#include "daemon/ledger.h"
#include "deliver/warehouse.h"
#include "home/home.h"
#include "plan/graph.h"
#include "prepare/places.h"
#include "record/record.h"
#include "service/service.h"

namespace busker::cli {

// The home that the folder's runs are recorded in, and the service of the folder, if it is one.
struct Place {
  std::string folder;  // absolute
  home::Home home;
  std::optional<service::Service> service;
};

// The folder that is meant where none is named: this one, or, when there is nothing to run in it,
// the nearest above it that is a service or has a home; as git does, and as there not beyond the
// file system, nor where it does not belong to who asks or all may write, nor as far as the home
// directory.
std::string NearestFolder();

// Of a home that was named, by a verb that does not make one: kNotFound when there is none.
Result<void> CheckHome(const std::string& home);

// --home, $BUSKER_HOME, what .busker/home in the folder names (busker up writes it), else .busker
// in it. A service whose file is at fault is an error; a folder without one is not, unless there is
// nothing to run in it and it has no home: kNotFound. Nothing is written.
Result<Place> OpenPlace(const Common& common);

// The same for verbs that look at runs or end them. Where something was run before, a file at fault
// is told on standard error and is no error: the place is then one without a service.
Result<Place> OpenPlaceAnyway(const Common& common);

// The same for a verb that names the file to run: in the folder there need be nothing.
Result<Place> OpenPlaceOfFile(const Common& common);

// "training" of the folder's service as "churn/training"; any other text as it is. What else it may
// mean, graph_names.h finds.
plan::GraphKey KeyOf(const Place& place, const std::string& text);

struct Workspace {
  service::Service service;
  home::Home home;
  prepare::Places places;
};

// Reads the service and finds its places; creates nothing. kInvalid when the target asks for
// something that this version does not have.
Result<Workspace> OpenWorkspace(const Common& common);

// The record; kNotFound (with what to do) when nothing was ever run here.
Result<std::unique_ptr<record::Record>> OpenRecord(const home::Home& home);

Result<std::unique_ptr<deliver::Warehouse>> OpenWarehouse(const Common& common,
                                                          const Workspace& workspace);

// Whether anything was ever run here.
bool HasHome(const home::Home& home);

// For what a person does that is no run: noted in the home's record. Nothing is noted where nothing
// was ever run.
daemon::Ledger LedgerOf(const home::Home& home);

}  // namespace busker::cli
