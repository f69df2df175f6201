#include "purchases.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>

namespace {

struct Line {
  std::string customer_id;
  Purchase purchase;
};

std::vector<std::string_view> SplitAtBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> fields;
  for (auto start = text.find_first_not_of(kBlanks); start != text.npos;) {
    const auto end = std::min(text.find_first_of(kBlanks, start), text.size());
    fields.push_back(text.substr(start, end - start));
    start = text.find_first_not_of(kBlanks, end);
  }
  return fields;
}

template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<Line> ParseLine(std::string_view text) {
  const auto fields = SplitAtBlanks(text);
  if (fields.size() != 5) {
    return Error(fmt::format("has {} fields instead of 5 (id, sample id, date, discs, dollars)",
                             fields.size()));
  }
  const auto id = fields[0];
  if (id.find_first_not_of("0123456789") != id.npos) {
    return Error(fmt::format("customer id \"{}\" has something other than digits", id));
  }
  const auto date = ParseCompactDate(fields[2]);
  if (!date) return Error(date.error());
  const auto discs = ParseNumber<int>(fields[3]);
  if (!discs || *discs < 0) {
    return Error(fmt::format("\"{}\" is not a number of discs", fields[3]));
  }
  const auto dollars = ParseNumber<double>(fields[4]);
  if (!dollars || !std::isfinite(*dollars) || *dollars < 0) {
    return Error(fmt::format("\"{}\" is not an amount in dollars", fields[4]));
  }
  return Line{std::string(id), Purchase{*date, *discs, *dollars}};
}

}  // namespace

Result<std::vector<Customer>> ReadPurchases(const std::filesystem::path& file, Date data_date) {
  std::error_code ignored;
  std::ifstream stream(file);
  if (!stream || std::filesystem::is_directory(file, ignored)) {
    return Error(fmt::format("cannot read the purchases in {}: no such file, or not readable",
                             file.string()));
  }
  std::map<std::string, std::vector<Purchase>> purchases_of;
  std::string text;
  for (int number = 1; std::getline(stream, text); ++number) {
    auto line = ParseLine(text);
    if (!line) return Error(fmt::format("{}:{}: {}", file.string(), number, line.error()));
    if (line->purchase.date <= data_date) {
      purchases_of[line->customer_id].push_back(line->purchase);
    }
  }
  if (stream.bad()) return Error(fmt::format("reading {} broke off", file.string()));

  std::vector<Customer> customers;
  customers.reserve(purchases_of.size());
  for (auto& [id, purchases] : purchases_of) {
    std::stable_sort(purchases.begin(), purchases.end(),
                     [](const auto& a, const auto& b) { return a.date < b.date; });
    customers.push_back({id, std::move(purchases)});
  }
  return customers;
}
