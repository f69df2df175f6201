// What most verbs begin with: the service in the folder, its home, and where the target keeps
// things.
#pragma once

#include <memory>
#include <string>

#include "artifact/store.h"
#include "cli/verbs.h"
#include "deliver/warehouse.h"
#include "dispatch/home.h"
#include "prepare/action_run.h"
#include "record/record.h"
#include "service/service.h"

namespace busker::cli {

struct Workspace {
  service::Service service;
  dispatch::Home home;
  prepare::Places places;
};

// Reads the service and finds its places; creates nothing. kInvalid when the target asks for
// something that this version does not have.
Result<Workspace> OpenWorkspace(const Common& common);

// The record; kNotFound (with what to do) when nothing was ever run here.
Result<std::unique_ptr<record::Record>> OpenRecord(const Workspace& workspace);

Result<std::unique_ptr<deliver::Warehouse>> OpenWarehouse(const Common& common,
                                                          const Workspace& workspace);

// Whether anything was ever run here.
bool HasHome(const Workspace& workspace);

// Notes in the record that a person did something that is no run. It is done by then, so that it
// cannot be noted is no failure of it, and only told. Nothing is noted where nothing was ever run.
void Note(const Common& common, const Workspace& workspace, const std::string& what,
          const std::string& detail);

}  // namespace busker::cli
