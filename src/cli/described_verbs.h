// What there is to type: each of these adds the verbs of one subject to the command line, with
// their options and what --help says of them.
#pragma once

#include "cli/verb_list.h"

namespace busker::cli {

void AddProjectVerbs(VerbList& verbs);   // new, init, validate, build, doctor, schema
void AddRunVerbs(VerbList& verbs);       // run, start, status, logs, cancel, ...
void AddScheduleVerbs(VerbList& verbs);  // up, open, next, pause, backfill, graph, ...
void AddModelVerbs(VerbList& verbs);     // models, show, promote, pin, ...
void AddServingVerbs(VerbList& verbs);   // serve, predict
void AddTableVerbs(VerbList& verbs);     // query, deliveries, undo
void AddAccessVerbs(VerbList& verbs);    // token, secret
void AddUpkeepVerbs(VerbList& verbs);    // audit, fsck, gc
void AddHelpVerbs(VerbList& verbs);      // help, completion

}  // namespace busker::cli
