// The environment of what Busker starts.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "attempt/order.h"

namespace busker::prepare {

using Environment = std::map<std::string, std::string>;  // name -> value

// The value of `name` among "NAME=value" entries; empty: it is not there.
std::string FindVariable(const std::vector<std::string>& entries, std::string_view name);

// What a program may inherit of the environment of the person or unit that started Busker.
Environment Inherited(const std::vector<std::string>& entries);

// What the program of a service or graph file begins with: that, and what lets its output be seen
// as it is written (Python keeps that of a pipe back), unless the environment says otherwise.
Environment ForPrograms(const std::vector<std::string>& entries);

// The same of one in a container, which has its image's variables besides.
Environment InImages();

// Of a program's log so many bytes are kept: half from its begin, half from its end.
void KeepOfLog(std::uint64_t bytes_max, attempt::Order& order);

std::vector<std::string> Entries(const Environment& environment);  // "NAME=value", sorted

}  // namespace busker::prepare
