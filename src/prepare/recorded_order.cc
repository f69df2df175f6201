#include "prepare/recorded_order.h"

namespace busker::prepare {

record::Order ForRecord(const attempt::Order& order) {
  record::Order recorded{attempt::OrderToJson(order), order.synced, {}};
  for (const attempt::SecretUse& use : order.secrets) recorded.secrets.push_back(use.name);
  return recorded;
}

}  // namespace busker::prepare
