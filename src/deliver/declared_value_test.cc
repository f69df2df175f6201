// Types that were declared: a value is refused, or the table has the value that was written.
#include "deliver/declared_value.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <map>
#include <random>

#include "base/text.h"
#include "deliver/csv_fields.h"
#include "deliver/random_values.h"
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {
namespace {

// ---- another judge than the one that is tested: what a text says, in a form that can be compared

std::string Trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// "+012.50e1" -> "125e0": the digits that count, and the power of ten of the last.
std::string ExactNumber(std::string text) {
  text = Trimmed(text);
  long exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string::npos) {
    exponent = std::strtol(text.c_str() + e + 1, nullptr, 10);
    text.resize(e);
  }
  if (const std::size_t point = text.find('.'); point != std::string::npos) {
    exponent -= static_cast<long>(text.size() - point - 1);
    text.erase(point, 1);
  }
  const bool negative = text.starts_with('-');
  text.erase(0, std::min(text.find_first_of("123456789"), text.size()));
  while (text.ends_with('0')) text.pop_back(), ++exponent;
  return text.empty() ? "0" : (negative ? "-" : "") + text + "e" + std::to_string(exponent);
}

// Microseconds since 1970, or since midnight where the text is a time alone.
std::string ExactInstant(std::string text) {
  text = Trimmed(text);
  std::tm parts{};
  parts.tm_year = 70;
  parts.tm_mday = 1;
  int read = 0;
  if (text.find('-') == 4) {
    std::sscanf(text.c_str(), "%d-%d-%d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &read);
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    text.erase(0, static_cast<std::size_t>(read) + 1);
  }
  read = 0;
  std::sscanf(text.c_str(), "%d:%d%n", &parts.tm_hour, &parts.tm_min, &read);
  text.erase(0, static_cast<std::size_t>(read));
  read = 0;
  std::sscanf(text.c_str(), ":%d%n", &parts.tm_sec, &read);
  text.erase(0, static_cast<std::size_t>(read));
  std::string decimals;
  if (text.starts_with('.')) {
    decimals = text.substr(1, std::min(text.find_first_not_of("0123456789", 1), text.size()) - 1);
    text.erase(0, 1 + decimals.size());
    while (decimals.ends_with('0')) decimals.pop_back();
  }
  text = Trimmed(text);
  long offset_minutes = 0;
  if (text.starts_with('+') || text.starts_with('-')) {
    std::string digits = text.substr(1);
    std::erase(digits, ':');
    const long number = std::stol(digits);
    offset_minutes = digits.size() > 2 ? number / 100 * 60 + number % 100 : number * 60;
    if (text.starts_with('-')) offset_minutes = -offset_minutes;
  }
  return std::to_string(timegm(&parts) - offset_minutes * 60) + "." + decimals;
}

std::string ExactDouble(const std::string& text) {
  const double value = std::strtod(text.c_str(), nullptr);
  return std::isnan(value) ? "nan" : Print("%a", value);
}

std::string ExactBool(const std::string& text) {
  return std::strchr("tTyY1", text[0]) != nullptr ? "true" : "false";
}

// ---- texts: of the type, nearly of the type, and not at all

char AnyOf(Random& random, const std::string& characters) {
  return characters[random() % characters.size()];
}

std::string Chosen(Random& random, const std::vector<std::string>& texts) {
  return texts[random() % texts.size()];
}

bool OneIn(Random& random, unsigned count) { return random() % count == 0; }

std::string NumberText(Random& random) {
  std::string text = Chosen(random, {"", "", "", "-", "+"});
  if (OneIn(random, 8)) text += std::string(1 + random() % 3, '0');
  text += Digits(random, random() % (OneIn(random, 4) ? 31 : 6));
  if (OneIn(random, 2)) text += "." + Digits(random, random() % (OneIn(random, 3) ? 22 : 8));
  if (OneIn(random, 4)) text += std::string(random() % 8, '0');
  if (OneIn(random, 5)) {
    const int size = OneIn(random, 4) ? 400 : 20;
    text += AnyOf(random, "eE") + Chosen(random, {"", "+", "-"}) + std::to_string(random() % size);
  }
  return text;
}

std::string DayText(Random& random) {
  if (OneIn(random, 3)) {
    return Print("%d-%d-%d", static_cast<int>(random() % 10'002), static_cast<int>(random() % 14),
                 static_cast<int>(random() % 33));
  }
  return OneIn(random, 8) ? Chosen(random, {"0001-01-01", "9999-12-31", "2024-02-29", "2023-02-29"})
                          : Day(random);
}

std::string ClockText(Random& random) {
  std::string text = Clock(random);
  if (OneIn(random, 8)) text = Chosen(random, {"24:00:00", "23:59:60", "00:00:00", "23:59:59"});
  if (OneIn(random, 5)) text.resize(5);
  if (text.size() > 5 && OneIn(random, 2)) text += "." + Digits(random, 1 + random() % 9);
  if (text.size() > 9 && OneIn(random, 3)) text += std::string(random() % 6, '0');
  if (OneIn(random, 6)) text.erase(0, 1);
  return text;
}

std::string InstantText(Random& random) {
  if (OneIn(random, 10)) return DayText(random);
  return DayText(random) + Chosen(random, {" ", "T"}) + ClockText(random);
}

std::string ZoneText(Random& random) {
  if (OneIn(random, 2)) return Chosen(random, {"", "Z", "z", " UTC", "UTC", " Z"});
  const std::string sign = Chosen(random, {"+", "-", " +", " -"});
  const int hours = static_cast<int>(random() % 16), minutes = static_cast<int>(random() % 61);
  switch (random() % 4) {
    case 0:
      return sign + std::to_string(hours);
    case 1:
      return sign + Print("%02d", hours);
    case 2:
      return sign + Print("%02d%02d", hours, minutes);
    default:
      return sign + Print("%d:%02d", hours, minutes);
  }
}

std::string Base64Text(Random& random) {
  std::string text;
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t size = random() % 12; size > 0; --size) text += AnyOf(random, alphabet);
  return text + Chosen(random, {"", "=", "==", "A", "A==", "AA="});
}

std::string JsonText(Random& random, int depth = 0) {
  const auto blank = [&] { return Chosen(random, {"", "", " ", "\t", "\n"}); };
  if (depth > 3 || OneIn(random, 3)) {
    return Chosen(random, {"null", "true", "NaN", "0", "-1.5e3", "1e400", "01", ".5", "\"\\u00e9\"",
                           "\"\\ud800\"", "\"a\tb\"", "\"NaN, ]\"", "12345678901234567890",
                           "Infinity", "'a'", "\xEF\xBB\xBF{}"});
  }
  const bool is_array = OneIn(random, 2);
  std::string text = is_array ? "[" : "{";
  const std::size_t size = random() % 3;
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) text += "," + blank();
    if (!is_array) text += "\"k" + std::to_string(random() % 3) + "\"" + blank() + ":" + blank();
    text += JsonText(random, depth + 1);
  }
  if (OneIn(random, 20)) text += ",";
  return text + blank() + (is_array ? "]" : "}");
}

std::string AnyText(Random& random) {
  std::string text;
  for (std::size_t size = 1 + random() % 20; size > 0; --size) {
    text += Chosen(random, {"a", "\"", ",", "\n", "\r\n", " ", "\t", "é", "\xF0\x9F\x8E\xBB", "'",
                            "\\", "0", std::string("\x01"), "NULL"});
  }
  return text;
}

// One more character, one less, another one, or blanks around it.
std::string Bent(Random& random, std::string text) {
  const std::string characters = "0123456789+-.eExX_:TZ tfynai=/{}[],\"\t";
  switch (text.empty() ? 0 : random() % 4) {
    case 0:
      return text.insert(random() % (text.size() + 1), 1, AnyOf(random, characters));
    case 1:
      return text.erase(random() % text.size(), 1);
    case 2:
      text[random() % text.size()] = AnyOf(random, characters);
      return text;
    default:
      return std::string(random() % 3, ' ') + text + std::string(random() % 3, ' ');
  }
}

// What DuckDB and other programs take for values, of whatever type.
const std::vector<std::string> kOddities = {"infinity",
                                            "-infinity",
                                            "inf",
                                            "-inf",
                                            "+nan",
                                            "-nan",
                                            "nan(1)",
                                            "epoch",
                                            "today",
                                            "now",
                                            "0x1F",
                                            "0X1f",
                                            "0b101",
                                            "1_000",
                                            "1e3",
                                            "1E+3",
                                            "15e-1",
                                            "+7",
                                            "-0",
                                            "007",
                                            ".5",
                                            "5.",
                                            ".",
                                            "-",
                                            "e5",
                                            "1e",
                                            "1e400",
                                            "1e-400",
                                            "2e-324",
                                            "on",
                                            "off",
                                            "yes",
                                            "T",
                                            "n",
                                            "1",
                                            "0",
                                            "01",
                                            "2020-1-1",
                                            "26-02-03",
                                            "24:00:00",
                                            "10:5",
                                            "10:05:60",
                                            "NULL",
                                            "null",
                                            "None",
                                            "NA",
                                            "N/A",
                                            "\\N",
                                            "-9223372036854775808",
                                            "9223372036854775808",
                                            "9223372036854775807.0",
                                            "1e18",
                                            "1e19",
                                            "99999999999999999999999999999.999999999",
                                            "1e28",
                                            "1e29",
                                            "1e-9",
                                            "1e-10",
                                            "1.1234567890123",
                                            "0.0000000005",
                                            "1.7976931348623157e308",
                                            "5e-324",
                                            "2026-02-03 00:00:00",
                                            "0001-01-01 00:00:00+14:00",
                                            "9999-12-31 23:59:59-14:00",
                                            "AAG=",
                                            "AAH=",
                                            "1.5.2",
                                            "1 2",
                                            "１２",
                                            "0 ",
                                            " 1",
                                            "true ",
                                            "0e0"};

struct Kind {
  Maker make;
  std::function<std::string(const std::string&)> exact;  // what a text says
  std::string sql = "CAST(v AS VARCHAR)";                // what the table says
};

const std::map<std::string, Kind>& Kinds() {
  const auto same = [](const std::string& text) { return text; };
  static const std::map<std::string, Kind> kinds = {
      {"STRING", {AnyText, same}},
      {"BYTES", {Base64Text, same, "to_base64(v)"}},
      {"BOOL",
       {[](Random& random) {
          return Chosen(random,
                        {"true", "FALSE", "True", "t", "F", "yes", "No", "y", "N", "1", "0"});
        },
        ExactBool}},
      {"INT64", {NumberText, ExactNumber}},
      {"FLOAT64", {NumberText, ExactDouble}},
      {"NUMERIC", {NumberText, ExactNumber}},
      {"BIGNUMERIC", {NumberText, ExactNumber}},
      {"DATE", {DayText, ExactInstant}},
      {"TIME", {ClockText, ExactInstant}},
      {"DATETIME", {InstantText, ExactInstant}},
      {"TIMESTAMP",
       {[](Random& random) { return InstantText(random) + ZoneText(random); }, ExactInstant}},
      {"JSON", {[](Random& random) { return JsonText(random); }, same}},
  };
  return kinds;
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string(2, c) : std::string(1, c);
  return quoted + "\"";
}

// Whether a file that holds `text` as its last of a few values is found well by the pass over it.
bool FitsInAFile(const std::string& type, const std::string& text, bool undeclared, bool quoted) {
  std::vector<ColumnJudge> judges;
  judges.emplace_back(type, undeclared);
  const std::string bytes = (quoted ? Quoted(text) : text) + "\n";
  const std::string padded = bytes + std::string(ColumnJudge::kSlackBytes, '5');
  CsvFields fields(judges);
  fields.Add(padded.data(), padded.data() + bytes.size());
  fields.Finish();
  return judges[0].fits();
}

class DeclaredValues : public testing::Test, public WarehouseTest {
 protected:
  DeclaredValues() : warehouse_(*OpenWarehouse("embedded://" + place().string(), DuckdbPath())) {}

  // A delivery of the texts, in a column v of the type beside their numbers.
  Request AskingFor(const std::string& type, const std::vector<std::string>& texts,
                    Random& random) {
    std::string csv = "id,v\n";
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const bool has_to = texts[i].find_first_of("\",\r\n") != std::string::npos;
      csv += std::to_string(i) + "," + (has_to || OneIn(random, 4) ? Quoted(texts[i]) : texts[i]) +
             "\n";
    }
    Request request = Asking("d" + std::to_string(++number_), csv);
    request.schema = {{"id", "INT64"}, {"v", type}};
    return request;
  }

  void ExpectGivenBack(const std::string& type, const Kind& kind,
                       const std::vector<std::string>& texts, Random& random) {
    const Request request = AskingFor(type, texts, random);
    const auto delivery = warehouse_->Deliver(request);
    ASSERT_TRUE(delivery) << delivery.error().message;
    const auto answer = warehouse_->Query(
        "SELECT " + kind.sql + " FROM game.predictions ORDER BY id", texts.size());
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->rows.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const Value& value = answer->rows[i][0];
      ASSERT_NE(value.kind, Value::Kind::kNull) << texts[i];
      ASSERT_EQ(kind.exact(value.text), kind.exact(texts[i]))
          << texts[i] << " became " << value.text;
    }
    io::fs::remove(PathOf(request.source));
  }

  std::unique_ptr<Warehouse> warehouse_;
  int number_ = 0;
};

// NUMERIC was rounded to 9 decimals, times were cut to microseconds, and 0x1F was 31.
TEST_F(DeclaredValues, AreRefusedOrGivenBack) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const char* const more = std::getenv("BUSKER_DECLARED_TEXTS");
  const int count = more != nullptr ? std::atoi(more) : 3000;
  for (const auto& [name, kind] : Kinds()) {
    SCOPED_TRACE(name);
    const DeclaredType& type = DeclaredTypeOf(name);
    std::vector<std::string> taken, refused;
    for (int i = 0; i < count + static_cast<int>(kOddities.size()); ++i) {
      std::string text =
          i < count ? kind.make(random) : kOddities[static_cast<std::size_t>(i - count)];
      if (i < count && name != "STRING" && OneIn(random, 3)) text = Bent(random, text);
      if (text.empty() || !IsUtf8(text)) continue;  // that is another fault
      const bool fits = type.judge(text) == Misfit::kNone;
      const bool quoted = text.find_first_of("\",\r\n") != std::string::npos || OneIn(random, 3);
      ASSERT_EQ(FitsInAFile(name, text, false, quoted), fits) << text;
      ASSERT_EQ(FitsInAFile(name, text, true, quoted), JudgeUndeclared(type, text) == Misfit::kNone)
          << text;
      (fits ? taken : refused).push_back(text);
    }
    EXPECT_GT(taken.size(), 9U);
    ASSERT_NO_FATAL_FAILURE(ExpectGivenBack(name, kind, taken, random));
    for (int i = 0; i < 3 && !refused.empty(); ++i) {
      std::vector<std::string> texts(taken.begin(), taken.begin() + 9);
      texts.push_back(refused[random() % refused.size()]);
      const auto delivery = warehouse_->Deliver(AskingFor(name, texts, random));
      ASSERT_FALSE(delivery) << texts.back();
      EXPECT_NE(delivery.error().message.find("row 10 (line "), std::string::npos)
          << delivery.error().message;
      EXPECT_NE(delivery.error().message.find("column \"v\": "), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace busker::deliver
