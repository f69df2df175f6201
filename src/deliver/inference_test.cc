// Types that nobody declared: whatever a column holds, what the table has is what was written.
#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>

#include "deliver/csv_fields.h"
#include "deliver/csv_load.h"
#include "deliver/random_values.h"
#include "deliver/snapshot.h"
#include "deliver/warehouse_fixture.h"

namespace busker::deliver {
namespace {

namespace fs = io::fs;

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Another judge than the one that is tested: writes a table's value back in the manner of `text`,
// with the C library's digits. What it gives has to be the text.
std::string WrittenBack(const std::string& type, const Value& value, const std::string& text) {
  if (type == "BOOL") return Lower(value.text) == Lower(text) ? text : value.text;
  if (type == "FLOAT64") {
    const double number = std::strtod(value.text.c_str(), nullptr);
    if (!std::isfinite(number)) {
      const std::string word = Lower(text);
      const bool same = word == value.text || (word == "infinity" && value.text == "inf") ||
                        (word == "-infinity" && value.text == "-inf");
      return same ? text : value.text;
    }
    const std::size_t e = text.find_first_of("eE");
    const std::string mantissa = text.substr(0, e);
    const std::size_t point = mantissa.find('.');
    const int decimals =
        point == std::string::npos ? 0 : static_cast<int>(mantissa.size() - point - 1);
    if (e == std::string::npos) return Print("%.*f", decimals, number);
    // Exponents have several spellings: 1e-05, 1E-5, 1.0E10. Mantissa and power have to be the
    // text's.
    std::string written = Print("%.*e", decimals, number);
    const std::size_t written_e = written.find('e');
    const bool same = written.substr(0, written_e) == mantissa &&
                      std::atoi(written.c_str() + written_e + 1) == std::atoi(text.c_str() + e + 1);
    return same ? text : written;
  }
  if (type == "INT64" || type == "DATE") return value.text;
  // The table's "2026-02-03 10:00:00.5+00" in the text's manner: T, seconds, decimals, offset.
  std::string written = value.text;
  if (type == "TIMESTAMP") {
    const bool utc = text.ends_with("Z") || text.ends_with(" UTC") || text.ends_with("+00:00");
    EXPECT_TRUE(utc) << text << ": a zone that this test does not make";
    written.resize(written.size() - 3);
    written += text.ends_with("Z") ? "Z" : text.ends_with("UTC") ? " UTC" : "+00:00";
  }
  if (text.size() > 10 && text[10] == 'T') written[10] = 'T';
  const std::size_t point = text.find('.');
  if (point != std::string::npos) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", point + 1), text.size());
    std::size_t there = written.find('.');
    if (there == std::string::npos) {
      there = written.find_first_of("Z +", 11);
      if (type == "TIME" || there == std::string::npos) there = written.size();
      written.insert(there, ".");
    }
    std::size_t digits = 0;
    while (there + 1 + digits < written.size() &&
           std::isdigit(static_cast<unsigned char>(written[there + 1 + digits])) != 0) {
      ++digits;
    }
    if (end - point - 1 > digits) written.insert(there + 1 + digits, end - point - 1 - digits, '0');
  } else if (type != "TIME" && std::count(text.begin(), text.end(), ':') == 1) {
    const std::size_t seconds = written.find(":00", 16);
    if (seconds != std::string::npos) written.erase(seconds, 3);
  }
  return written;
}

// A look, and the type of a column that has it alone; "": any that gives the texts back.
struct Kind {
  std::string type;
  Maker make;
};

const std::map<std::string, Kind>& Kinds() {
  static const std::map<std::string, Kind> kinds = {
      {"small integers",
       {"INT64", [](Random& r) { return std::to_string(static_cast<int>(r() % 1000) - 500); }}},
      {"integers",
       {"INT64", [](Random& r) { return std::to_string(static_cast<std::int64_t>(r())); }}},
      {"20 digits", {"STRING", [](Random& r) { return "1" + Digits(r, 19); }}},
      {"padded ids", {"", [](Random& r) { return Digits(r, 1 + r() % 8); }}},
      {"0 before", {"STRING", [](Random& r) { return "0" + Digits(r, 5); }}},
      {"telephone", {"STRING", [](Random& r) { return "+46" + Digits(r, 9); }}},
      {"dashes",
       {"STRING",
        [](Random& r) { return Digits(r, 2) + "-" + Digits(r, 1) + "-" + Digits(r, 1); }}},
      {"like dates",
       {"", [](Random& r) { return Digits(r, 4) + "-" + Digits(r, 2) + "-" + Digits(r, 2); }}},
      {"underscores", {"STRING", [](Random& r) { return "1_" + Digits(r, 3); }}},
      {"hexadecimal", {"", [](Random& r) { return Print("%08x", static_cast<unsigned>(r())); }}},
      {"e in the middle",
       {"STRING",
        [](Random& r) { return "1" + Digits(r, 1 + r() % 3) + "e" + Digits(r, 1 + r() % 3); }}},
      {"versions",
       {"", [](Random& r) { return std::to_string(r() % 4) + "." + std::to_string(r() % 30); }}},
      {"words", {"STRING", [](Random& r) { return "w" + Digits(r, 3); }}},
      {"yes and no", {"STRING", [](Random& r) { return r() % 2 == 0 ? "yes" : "no"; }}},
      {"0 and 1", {"INT64", [](Random& r) { return r() % 2 == 0 ? "0" : "1"; }}},
      {"truth", {"BOOL", [](Random& r) { return r() % 2 == 0 ? "true" : "false"; }}},
      {"Python's truth", {"BOOL", [](Random& r) { return r() % 2 == 0 ? "True" : "False"; }}},
      {"scores", {"FLOAT64", [](Random& r) { return Shortest(Share(r)); }}},
      {"Python's numbers",
       {"FLOAT64",
        [](Random& r) {
          return Shortest(std::ldexp(Share(r) + 0.5, static_cast<int>(r() % 120) - 60));
        }}},
      {"17 digits",
       {"FLOAT64",
        [](Random& r) { return Print("0.%s", Print("%.17f", 0.1 + 0.8 * Share(r)).c_str() + 2); }}},
      {"%.2f", {"FLOAT64", [](Random& r) { return Print("%.2f", 200 * Share(r) - 100); }}},
      {"%.18e", {"FLOAT64", [](Random& r) { return Print("%.18e", Share(r)); }}},
      {"22 decimals", {"STRING", [](Random& r) { return "0." + Digits(r, 21) + "7"; }}},
      {"bits",
       {"",
        [](Random& r) {
          double number = 0;
          const std::uint64_t bits = r();
          std::memcpy(&number, &bits, sizeof number);
          return std::isfinite(number) ? Shortest(number) : std::string("1");
        }}},
      {"not finite",
       {"STRING",
        [](Random& r) {
          return std::vector<std::string>{"nan", "inf", "-inf", "Infinity"}[r() % 4];
        }}},
      {"too large", {"STRING", [](Random& r) { return "1e" + std::to_string(400 + r() % 500); }}},
      {"days", {"DATE", Day}},
      {"days of words",
       {"STRING",
        [](Random& r) {
          return std::vector<std::string>{"infinity", "epoch", "today"}[r() % 3];
        }}},
      {"times", {"TIME", Clock}},
      {"times without seconds", {"STRING", [](Random& r) { return Clock(r).substr(0, 5); }}},
      {"instants", {"DATETIME", [](Random& r) { return Day(r) + " " + Clock(r); }}},
      {"ISO", {"DATETIME", [](Random& r) { return Day(r) + "T" + Clock(r) + "." + Digits(r, 6); }}},
      {"minutes", {"DATETIME", [](Random& r) { return Day(r) + " " + Clock(r).substr(0, 5); }}},
      {"nanoseconds",
       {"STRING", [](Random& r) { return Day(r) + " " + Clock(r) + "." + Digits(r, 9); }}},
      {"BigQuery's", {"TIMESTAMP", [](Random& r) { return Day(r) + " " + Clock(r) + " UTC"; }}},
      {"with Z", {"TIMESTAMP", [](Random& r) { return Day(r) + "T" + Clock(r) + "Z"; }}},
      {"with an offset",
       {"TIMESTAMP",
        [](Random& r) { return Day(r) + " " + Clock(r) + "." + Digits(r, 3) + "+00:00"; }}},
      {"with a zone", {"STRING", [](Random& r) { return Day(r) + " " + Clock(r) + " PST"; }}},
      {"slashes",
       {"STRING",
        [](Random& r) {
          return Print("%02d/%02d/2026", 1 + static_cast<int>(r() % 12),
                       1 + static_cast<int>(r() % 28));
        }}},
  };
  return kinds;
}

class Inference : public testing::Test, public WarehouseTest {
 protected:
  Inference() : warehouse_(*OpenWarehouse("embedded://" + place().string(), DuckdbPath())) {}

  struct Cell {
    std::string text;
    bool quoted = false;
  };
  struct Made {
    std::string name;
    std::string type;  // "" : any
    std::vector<Cell> cells;
  };

  // A column of one kind, with blanks, quotes and, maybe, a few values of another kind from some
  // row on.
  Made MakeColumn(Random& random, std::size_t rows) {
    const auto any = [&] {
      return std::next(Kinds().begin(), static_cast<std::ptrdiff_t>(random() % Kinds().size()));
    };
    const auto kind = any(), other = any();
    const bool surprises = random() % 2 == 0;
    const std::size_t surprise = random() % 3 == 0 ? rows - 1 : random() % rows;
    const std::size_t blanks = random() % 3 == 0 ? 5 : 0, quotes = random() % 3 == 0 ? 3 : 0;
    Made made;
    made.name = kind->first;
    made.type = kind->second.type;
    if (surprises) made.name += ", then " + other->first, made.type = "";
    bool some = false;
    for (std::size_t row = 0; row < rows; ++row) {
      Cell cell;
      cell.quoted = quotes > 0 && random() % quotes == 0;
      const bool odd = surprises && (row == surprise || (row > surprise && random() % 100 == 0));
      if (blanks == 0 || random() % blanks != 0 || odd)
        cell.text = (odd ? other : kind)->second.make(random);
      some = some || !cell.text.empty();
      made.cells.push_back(std::move(cell));
    }
    if (!some) made.type = "";  // it keeps the type that the table has from the file before
    // A large double has no point in its shortest text: where all are such, they are integers.
    const bool has_point = std::any_of(made.cells.begin(), made.cells.end(), [](const Cell& cell) {
      return cell.text.find_first_of(".eEn") != std::string::npos;
    });
    if (made.type == "FLOAT64" && !has_point) made.type = "";
    return made;
  }

  void Try(std::vector<Made> columns) {
    const std::size_t rows = columns[0].cells.size();
    std::string csv;
    for (std::size_t i = 0; i < columns.size(); ++i)
      csv += (i == 0 ? "c" : ",c") + std::to_string(i);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const Cell& cell = columns[i].cells[row];
        csv += i == 0 ? '\n' : ',';
        csv += cell.quoted ? "\"" + cell.text + "\"" : cell.text;
      }
    }
    csv += "\n";
    const Request request = Asking("d" + std::to_string(++number_), csv);
    const auto delivery = warehouse_->Deliver(request);
    ASSERT_TRUE(delivery) << delivery.error().message;
    ASSERT_EQ(delivery->rows, rows);
    const auto answer = warehouse_->Query("SELECT * FROM game.predictions", rows);
    ASSERT_TRUE(answer) << answer.error().message;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string& type = delivery->columns[i].type;
      SCOPED_TRACE(columns[i].name + " became " + type);
      if (!columns[i].type.empty()) {
        ASSERT_EQ(type, columns[i].type);
      }
      for (std::size_t row = 0; row < rows; ++row) {
        const Cell& cell = columns[i].cells[row];
        const Value& value = answer->rows[row][i];
        if (cell.text.empty()) {
          const bool is_text = cell.quoted && type == "STRING";
          ASSERT_EQ(value.kind, is_text ? Value::Kind::kText : Value::Kind::kNull) << "row " << row;
        } else if (type == "STRING") {
          ASSERT_EQ(value.text, cell.text) << "row " << row;
        } else {
          ASSERT_EQ(WrittenBack(type, value, cell.text), cell.text) << "row " << row;
        }
      }
    }
    fs::remove(PathOf(request.source));
  }

  std::unique_ptr<Warehouse> warehouse_;
  int number_ = 0;
};

// Ids became floats, infinities, dates; a type that the first rows suggested changed or failed
// later ones.
TEST_F(Inference, GivesBackWhatWasWrittenWhateverAColumnHolds) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const char* const more = std::getenv("BUSKER_INFERENCE_FILES");
  const int files = more != nullptr ? std::atoi(more) : 12;
  for (int file = 0; file < files && !HasFatalFailure(); ++file) {
    const std::size_t rows = file % 6 == 5 ? 60'000 : 1 + random() % 60;
    std::vector<Made> columns;
    for (std::size_t i = 0; i < (rows > 1000 ? 5 : 25); ++i)
      columns.push_back(MakeColumn(random, rows));
    Try(std::move(columns));
  }
}

// The same, with the surprise behind everything that a sample could see.
TEST_F(Inference, HearsWhatTheLastOfAMillionRowsSays) {
  std::string csv = "id,score\n";
  for (int i = 0; i < 1'000'000; ++i) csv += "1,0.5\n";
  csv += "18446744073709551615,1e400\n";
  const auto delivery = warehouse_->Deliver(Asking("one", csv));
  ASSERT_TRUE(delivery) << delivery.error().message;
  EXPECT_EQ(TextOf(delivery->columns), "id STRING, score STRING");
  EXPECT_EQ(TextOf(warehouse_->Query(
                "SELECT id, score, (SELECT count(*) FROM game.predictions WHERE id = '1' AND "
                "score = '0.5') FROM game.predictions WHERE id <> '1'",
                9)),
            "18446744073709551615,1e400,1000000");
}

// A block that ended within a value, or between the quotes of one, would be judged as two.
TEST(CsvFields, JudgesTheSameWhereverTheFileIsCut) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int trial = 0; trial < 400; ++trial) {
    const std::size_t columns = 1 + random() % 4;
    std::vector<const Kind*> kinds;
    for (std::size_t i = 0; i < columns; ++i) {
      kinds.push_back(
          &std::next(Kinds().begin(), static_cast<std::ptrdiff_t>(random() % Kinds().size()))
               ->second);
    }
    std::vector<ColumnJudge> expected(columns), whole(columns), cut(columns);
    std::string text;
    const std::string line_end = random() % 2 == 0 ? "\n" : "\r\n";
    for (std::size_t row = 0; row < 1 + random() % 40; ++row) {
      for (std::size_t i = 0; i < columns; ++i) {
        const std::string value = random() % 8 == 0    ? ""
                                  : random() % 40 == 0 ? "a\"b"
                                                       : kinds[i]->make(random);
        expected[i].Take(value);
        if (i > 0) text += ',';
        const bool quotes = value.find('"') != std::string::npos || random() % 5 == 0;
        text += quotes ? QuoteName(value) : value;
      }
      text += line_end;
    }
    if (random() % 2 == 0) text.resize(text.size() - line_end.size());
    const auto padded = [](std::string_view part) {
      return std::string(part) + std::string(ColumnJudge::kSlackBytes, '5');
    };
    CsvFields at_once(whole), in_parts(cut);
    const std::string all = padded(text);
    at_once.Add(all.data(), all.data() + text.size());
    at_once.Finish();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 30, text.size() - begin);
      const std::string part = padded(std::string_view(text).substr(begin, size));
      in_parts.Add(part.data(), part.data() + size);
      begin += size;
    }
    in_parts.Finish();
    for (std::size_t i = 0; i < columns; ++i) {
      ASSERT_EQ(whole[i].Type(), expected[i].Type()) << text;
      ASSERT_EQ(cut[i].Type(), expected[i].Type()) << text;
    }
  }
}

// One processor or eight: the same rows in the same order.
TEST_F(Inference, DoesNotDependOnTheNumberOfThreads) {
  std::string csv = "id,at,score\n";
  for (int i = 0; i < 300'000; ++i)
    csv += std::to_string(i) + ",2026-03-29 02:30:00,0." + std::to_string(i) + "1\n";
  const fs::path path = PathOf(Csv(csv));
  const auto source = OpenCsv(path);
  ASSERT_TRUE(source);
  const auto library = OpenDuckdbLibrary(DuckdbPath());
  ASSERT_TRUE(library);
  std::vector<std::string> digests;
  for (const char* threads : {"1", "8"}) {
    auto session = Session::Open(*library, "", folder() / "spill");
    ASSERT_TRUE(session && session->Run(std::string("SET threads = ") + threads));
    LoadPlan plan;
    plan.guess = true;
    const fs::path target = folder() / (std::string(threads) + ".parquet");
    const auto survey = WriteSnapshot(*session, *source, plan, {}, target);
    ASSERT_TRUE(survey) << survey.error().message;
    EXPECT_EQ(TextOf(plan.columns), "id INT64, at DATETIME, score FLOAT64");
    const auto rows = session->Run(
        "SELECT md5(string_agg(concat_ws('|', id, \"at\", score), ';' ORDER BY file_row_number)) "
        "FROM read_parquet(" +
        QuotePath(target) + ", file_row_number = true)");
    ASSERT_TRUE(rows) << rows.error().message;
    digests.push_back(rows->at(0).at(0).value_or(""));
  }
  EXPECT_EQ(digests[0], digests[1]);
}

}  // namespace
}  // namespace busker::deliver
