// A busy busker, to look at the dashboard with: services with versions that were let pass and refused, a graph of forty
// tasks, backfills with holes, a log of 20 MB with progress bars and colours, what failed, is late and is paused.
//
//   node tests/dashboard_load.mjs [--serve] [--only PAGE...]
//
// photographs each page at 1440, 1024 and 390, light and dark, into build/screenshots/load/; --serve leaves it running and
// prints the address. BUSKER_BUILD: where busker is; BUSKER_PAGE: a folder with app.js and app.css to use in place of its own.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openDashboard, source } from "./dashboard_harness.mjs";

const graph = (id, more, tasks, dependencies) => JSON.stringify({ graph: { dag_id: id, timezone: "Europe/Stockholm", default_args: { retries: 0 }, ...more }, tasks, dependencies });
const parts = Array.from({ length: 30 }, (_, i) => `score_${String(i).padStart(2, "0")}`);
const service = (name, gate, more = "") => `name = "${name}"
version = "2"
[model]
command = "sh model.sh \${ACTION}"
[actions.training]
schedule = "30 2 * * 0"
time_zone = "Europe/Stockholm"
promote_when = "${gate}"
[actions.application]
input = "live"
schedule = "0 6 * * *"
time_zone = "Europe/Stockholm"
${more}
[actions.application.deliver."predictions.csv"]
table = "${name}.predictions"
write = "partition"
`;
// A traceback as Python writes one.
const traceback = `cat >&2 <<'T'
Traceback (most recent call last):
  File "/srv/churn/source/prediction/main.py", line 41, in <module>
    main()
  File "/srv/churn/source/prediction/application.py", line 118, in apply
    features = basket.join(customers, on="customer_id", validate="1:1")
  File "/srv/churn/.venv/lib/python3.11/site-packages/pandas/core/frame.py", line 10412, in join
    return merge(self, other, how=how, on=on, validate=validate)
pandas.errors.MergeError: Merge keys are not unique in right dataset; not a one-to-one merge
T
exit 1`;

export const files = {
  "churn/busker.toml": service("churn", "auc >= live.auc - 0.005 and rows > 1000"),
  "churn/model.sh": `day=\${BUSKER_DATE#????-??-}; day=\${day#0}; week=$(( $(date -d "$BUSKER_DATE" +%s) / 604800 ))
if [ "$1" = training ]; then
  echo "reading customers until $BUSKER_DATE"; sleep 0.0$((day % 7 + 1))
  head -c $((150000 + day * 900)) /dev/zero > output/model.ubj
  auc=$(awk "BEGIN { srand($week); printf \\"%.4f\\", 0.79 + ($week % 11) * 0.004 - (($week % 5) == 2 ? 0.05 : 0) + rand() * 0.008 }")
  echo "{\\"auc\\": $auc, \\"logloss\\": $(awk "BEGIN { print 0.62 - $auc / 4 }"), \\"rows\\": $((2100 + day * 13)), \\"features\\": 41, \\"trees\\": 120, \\"seconds\\": 0.$day}" > output/metrics.json
else
  case $BUSKER_DATE in 2026-10-14|2026-10-29) ${traceback} ;; esac
  echo "scoring customers of $BUSKER_DATE"; sleep 0.0$((day % 6 + 1))
  { echo customer_id,probability,segment,note; for i in $(seq 1 $((400 + day * 31))); do echo "$i,0.$((i * 7919 % 1000)),s$((i % 4)),"; done; } > output/predictions.csv
fi
`,
  "pricing/busker.toml": service("pricing", "rmse <= live.rmse * 1.05", 'expected_by = "06:30"'),
  "pricing/model.sh": `week=$(( $(date -d "$BUSKER_DATE" +%s) / 604800 ))
if [ "$1" = training ]; then
  rmse=$(awk "BEGIN { srand($week + 3); printf \\"%.2f\\", 58 + rand() * 3 + ($week % 3 == 1 ? 9 : 0) }")
  echo m > output/model.txt; echo "{\\"rmse\\": $rmse, \\"mae\\": $(awk "BEGIN { print $rmse * 0.71 }")}" > output/metrics.json
else
  ${traceback}
fi
`,
  "fraud/busker.toml": service("fraud", "auc > 0.5"),
  "fraud/model.sh": `if [ "$1" = training ]; then echo m > output/m; echo '{"auc": 0.93}' > output/metrics.json
else printf 'id,p\\n1,0.5\\n2,0.25\\n' > output/predictions.csv; fi
`,
  "graphs/scheduler/configs/nightly-report.json": graph("nightly-report", { schedule_interval: "30 3 * * *" },
    [..."extract clean features split".split(" ").map((name) => ({ name, code: `echo ${name}; sleep 0.0$((RANDOM % 9))` })),
      ...parts.map((name) => ({ name, code: `echo ${name}; sleep 0.0$((RANDOM % 9))` })),
      { name: "join", code: "echo join; test $((${BUSKER_DATE##*-} % 6)) -ne 1 || { echo 'no rows of score_07: is the partition there?' >&2; exit 3; }" },
      { name: "report", code: "echo report" }, { name: "mail", code: "echo mail" }, { name: "archive", code: "echo archive" }],
    [["clean", "extract"], ["features", "clean"], ["split", "features"], ...parts.map((name) => [name, "split"]), ...parts.map((name) => ["join", name]), ["report", "join"], ["mail", "report"], ["archive", "report"]]),
  "graphs/scheduler/configs/big-log.json": graph("big-log", {}, [{ name: "chatter", code: `python3 - <<'P'
import sys
for i in range(260000):
    if i % 1000 == 7: print(f"\\x1b[33mWARNING\\x1b[0m batch {i}: \\x1b[1mslow\\x1b[0m, took {i % 97} ms")
    elif i % 5000 == 11: sys.stdout.write("".join(f"\\rbatch {i}: {p:3d}%|{'#' * (p // 5):20s}|" for p in range(0, 101, 4)) + "\\n")
    elif i % 40000 == 13: print(f"\\x1b[31mERROR\\x1b[0m could not read part {i}")
    else: print(f"2026-11-29 05:{i // 3600 % 60:02d}:{i // 60 % 60:02d} INFO batch {i} of 260000 done")
P` }], []),
  "graphs/scheduler/configs/slow.json": graph("slow", {}, [
    { name: "first", code: "echo beginning; for i in $(seq 1 3000); do echo step $i; sleep 0.2; done" }, { name: "second", code: "true" }], [["second", "first"]]),
};

export async function makeLoad(dashboard) {
  const { say } = dashboard;
  const wait = (graph) => say("wait", graph, "--limit", "180s");
  const quietly = (...words) => {
    try {
      return say(...words);
    } catch {
      return ""; // it is to fail
    }
  };
  for (const name of ["churn", "pricing", "fraud"]) {
    for (const date of ["2026-08-30", "2026-09-06", "2026-09-13", "2026-09-20", "2026-09-27", "2026-10-04", "2026-10-11", "2026-10-18", "2026-10-25", "2026-11-01", "2026-11-08", "2026-11-15"].slice(0, name === "fraud" ? 2 : 12)) {
      say("start", `${name}/training`, "--date", date);
      quietly("wait", `${name}/training`, "--limit", "60s");
    }
  }
  quietly("backfill", "churn/application", "--from", "2026-09-20", "--to", "2026-10-20");
  quietly("backfill", "churn/application", "--from", "2026-10-24", "--to", "2026-11-25");
  quietly("backfill", "pricing/application", "--from", "2026-11-20", "--to", "2026-11-23");
  quietly("backfill", "nightly-report", "--from", "2026-11-10", "--to", "2026-11-28");
  say("start", "fraud/application");
  wait("fraud/application");
  say("start", "big-log");
  wait("big-log");
  say("pause", "fraud/training");
  for (const graph of ["churn/application", "pricing/application", "nightly-report"]) quietly("wait", graph, "--limit", "240s");
  say("start", "slow");
}

const schemes = ["light", "dark"], widths = [1440, 1024, 390];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const only = process.argv.includes("--only") ? process.argv.slice(process.argv.indexOf("--only") + 1) : [];
  const dashboard = await openDashboard(files, { viewport: { width: 1440, height: 900 }, timezoneId: "Europe/Stockholm", locale: "en-GB" });
  const { page, say, link, origin } = dashboard;
  page.on("console", (message) => { if (message.type() === "error") console.log(`console: ${message.text()}`); });
  page.on("pageerror", (error) => console.log(`error in the page: ${error.stack}`));
  await makeLoad(dashboard);
  const runOf = (name, state) => JSON.parse(say("runs", "--json", "-n", "200")).find((run) => (run.service ? `${run.service}/${run.action}` : run.graph) === name && (!state || run.state === state))?.id;
  const pages = {
    overview: "", graph: "graphs/nightly-report", action: "graphs/churn:application", run: `runs/${runOf("nightly-report", "failed")}`, failed: `runs/${runOf("churn/application", "failed")}`,
    training: `runs/${runOf("churn/training")}`, log: `runs/${runOf("big-log")}`, slow: `runs/${runOf("slow")}`, service: "services/churn", pricing: "services/pricing", table: "tables/churn/churn.predictions",
    tables: "tables", runs: "runs", activity: "activity", schedule: "schedule",
  };
  await page.goto(link);
  const folder = path.join(source, "build", "screenshots", "load");
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, hash] of Object.entries(pages)) {
    if (only.length > 0 && !only.includes(name)) continue;
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of schemes) {
        if (colorScheme === "dark" && width === 1024) continue;
        await page.emulateMedia({ colorScheme });
        await page.goto(`${origin}/#/${hash}`);
        await page.waitForTimeout(900);
        await page.screenshot({ path: path.join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: width !== 1440 || name !== "log" });
      }
    }
  }
  if (process.argv.includes("--serve")) {
    console.log(say("token", "link"), dashboard.folder);
    await new Promise(() => {});
  }
  await dashboard.close();
}
