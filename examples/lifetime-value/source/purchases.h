#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "date.h"
#include "result.h"

struct Purchase {
  Date date;
  int discs = 0;
  double dollars = 0;
};

struct Customer {
  std::string id;                   // as the file writes it: five digits, leading zeros kept
  std::vector<Purchase> purchases;  // at least one; in order of date, then of the file
};

// Reads a CDNOW sample file: one purchase a line, five fields between blanks,
//
//     customer id (of all customers), customer id (of the sample), YYYYMMDD, discs, dollars
//
// and returns the customers in order of their id (the first field).
//
// This is the only place where purchases enter the program, and it lets none pass that is later
// than `data_date`: whatever is computed from the result cannot know the future. A customer whose
// first purchase is later is not returned at all. Later lines must have the right form
// nevertheless. Fails, naming file and line, on the first bad line.
Result<std::vector<Customer>> ReadPurchases(const std::filesystem::path& file, Date data_date);
