// Verbs of the warehouse: to ask it, to look at what was loaded, to take that back.
#include <CLI/CLI.hpp>

#include "cli/described_verbs.h"

namespace busker::cli {
namespace {

void AddQuery(VerbList& verbs) {
  auto& options = verbs.Keep<QueryOptions>();
  CLI::App* verb =
      verbs.Add("query", "Query the warehouse in SQL (read-only, DuckDB).",
                "  busker query 'SELECT count(*) FROM my_service.predictions'\n"
                "  busker query 'SHOW ALL TABLES'\n"
                "  busker query --csv < report.sql > report.csv\n",
                [&common = verbs.common(), &options] { return Query(common, options); });
  verb->add_option("SQL", options.sql, "one statement; default: from standard input");
  verb->add_flag("--csv", options.csv, "print the rows as CSV");
  verb->add_flag("--markdown", options.markdown, "print a table for a document")->excludes("--csv");
  verb->add_option("--rows", options.rows, "how many to show (default 1000)")->type_name("N");
}

void AddDeliveries(VerbList& verbs) {
  auto& options = verbs.Keep<DeliveriesOptions>();
  CLI::App* verb =
      verbs.Add("deliveries", "List what was loaded into the warehouse, oldest first.",
                "  busker deliveries\n  busker deliveries my_service.predictions\n",
                [&common = verbs.common(), &options] { return ListDeliveries(common, options); });
  verb->add_option("TABLE", options.table, "only into this table");
}

void AddUndo(VerbList& verbs) {
  auto& options = verbs.Keep<UndoOptions>();
  CLI::App* verb =
      verbs.Add("undo", "Take a delivery back: its table is as it was before.",
                "  busker undo 20190801-070000-k3f9x2.1    as busker deliveries shows "
                "it\n",
                [&common = verbs.common(), &options] { return Undo(common, options); });
  verb->add_option("DELIVERY", options.delivery, "its id")->required();
  verb->add_flag("--force", options.force,
                 "even if something other than Busker has changed the table since");
}

}  // namespace

void AddTableVerbs(VerbList& verbs) {
  AddQuery(verbs);
  AddDeliveries(verbs);
  AddUndo(verbs);
}

}  // namespace busker::cli
