// An order as it is put on record.
#pragma once

#include "attempt/order.h"
#include "record/record.h"

namespace busker::prepare {

record::Order ForRecord(const attempt::Order& order);

}  // namespace busker::prepare
