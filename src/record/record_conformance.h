// What every record must do, as tests. For tests only.
//
// A back end plugs in with a function that makes an empty record, called at least once per test:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, RecordConformance, testing::Values(&MakeInMemory,
//   &MakeInFile)); INSTANTIATE_TEST_SUITE_P(Sqlite, SharedRecordConformance,
//   testing::Values(&MakeInFile)); INSTANTIATE_TEST_SUITE_P(Sqlite, CheckConformance,
//   testing::Values(&MakeInFile));
//
// and is finished when all of it passes. The last two open a record several times.
#pragma once

#include "record/check_conformance.h"
#include "record/lead_conformance.h"
#include "record/list_conformance.h"
#include "record/run_conformance.h"
#include "record/sharing_conformance.h"
#include "record/turn_conformance.h"
