// The contracts that name no model, and so are answered where who asks may ask one: MLflow's
// scoring server, SageMaker's and Vertex AI's containers.
//
//   POST /invocations         JSON (tabular.h) or CSV -> {"predictions": [...]}, or CSV where the
//                             request's Accept says text/csv
//   GET  /ping, /health       200 when all can be asked; 503 when not
//   GET  /version             of Busker
//
// Vertex AI says its own routes (AIP_HEALTH_ROUTE, AIP_PREDICT_ROUTE).
#pragma once

#include "online/model_call.h"

namespace busker::online {

void AddPlainRoutes(Routes& routes, const Serving& serving);  // `serving` outlives the routes

// Each may be empty. A route that is there already is not made again.
void AddVertexRoutes(Routes& routes, const Serving& serving, const std::string& health,
                     const std::string& predict);

}  // namespace busker::online
