// The place of attempts on VMs of Google's Compute Engine:
//
//   compute-engine://PROJECT/ZONE[,ZONE...]?machine_type=e2-standard-2&image=REFERENCE&store=...
//
// What stands before the "?" is the place; what stands behind it is of one attempt:
//   machine_type=NAME        (needed)
//   image=REFERENCE          what runs (needed)
//   store=gs://BUCKET[/...]  where order, log, exit record and versions are (needed)
//   service_account=EMAIL    as whom the VM speaks (needed)
//   network=NAME             "default" unless said, or a subnetwork
//   subnetwork=NAME          of the region of the zone; or "projects/.../subnetworks/NAME"
//   public_ip=false          true unless said
//   disk_gb=N, disk_type=T   of the boot disk: 30 and pd-balanced unless said
//   label=KEY:VALUE          may be there several times
//   keep_on_failure=30m      so long a VM stays whose program failed
//   spot_attempts=N          attempts on Spot VMs, which may be taken away; none unless said
//   timeout_s=N              of the program; a day unless said
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "attempt/remote.h"
#include "base/result.h"
#include "base/time.h"

namespace busker::execute {

inline constexpr std::string_view kComputeEngine = "compute-engine://";

struct ComputePlace {
  std::string project;
  std::vector<std::string> zones;  // in the order in which they are asked; at least one
};

struct ComputeSettings {
  ComputePlace place;
  std::string machine_type, image, store, service_account;
  std::string network, subnetwork;
  bool has_public_ip = true;
  int disk_gb = 30;
  std::string disk_type = "pd-balanced";
  std::map<std::string, std::string> labels;
  Milliseconds keep_on_failure{};
  int spot_attempts = 0;
  Milliseconds timeout = attempt::kTimeoutUnlessSaid;
};

// Of either form of the place, with a "?" and without. kInvalid: it is none.
Result<ComputePlace> ComputePlaceIn(const std::string& place);

// kInvalid: an unknown setting, a value that cannot be, or one that is needed and is not there.
Result<ComputeSettings> ComputeSettingsIn(const std::string& place);

// "europe-west1-b" is in "europe-west1".
std::string RegionOf(const std::string& zone);

}  // namespace busker::execute
