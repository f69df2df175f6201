// The keys of [targets.NAME] that are about machines of a cloud, and what stands behind
// compute-engine://. What gets through has no blank, "&", "?", "#" or "%" in it, so that it may
// stand in the URL of a place as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "service/reader.h"
#include "service/service.h"

namespace busker::service {

inline constexpr std::string_view kMachinePlace =
    "compute-engine://PROJECT/ZONE?machine_type=e2-standard-2";
inline constexpr std::string_view kNoAccelerator =
    "\"accelerator\": this version of Busker makes machines without GPUs; containers of this "
    "machine have them by docker://?gpus=all";

// What is wrong with what follows "compute-engine://": "PROJECT/ZONE[,ZONE...]?machine_type=TYPE".
std::optional<std::string> FindMachineFault(std::string_view rest);

// Each reads one key.
void ReadServiceAccount(Reader& reader, const Member& member, Target& target);
void ReadNetwork(Reader& reader, const Member& member, Target& target);
void ReadSubnetwork(Reader& reader, const Member& member, Target& target);
void ReadPublicIp(Reader& reader, const Member& member, Target& target);
void ReadDisk(Reader& reader, const Member& member, Target& target);
void ReadLabels(Reader& reader, const Member& member, Target& target);
void ReadKeepOnFailure(Reader& reader, const Member& member, Target& target);
void ReadSpotAttempts(Reader& reader, const Member& member, Target& target);

inline constexpr std::string_view kDiskSchema =
    R"({"type":"object","additionalProperties":false,"minProperties":1,"properties":{)"
    R"("size":{"type":"string","description":"From 10GiB to 64TiB, whole GiB."},)"
    R"("type":{"enum":["pd-standard","pd-balanced","pd-ssd","hyperdisk-balanced"],)"
    R"("description":"pd-balanced unless given."}}})";
inline constexpr std::string_view kLabelsSchema =
    R"({"type":"object","maxProperties":32,"propertyNames":{"pattern":"^[a-z][a-z0-9_-]{0,62}$"},)"
    R"("additionalProperties":{"type":"string","pattern":"^[a-z0-9_-]{0,63}$"}})";

}  // namespace busker::service
