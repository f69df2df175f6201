// The pictures of docs/dashboard.md: script/pictures.
import fs from "node:fs";
import path from "node:path";
import { openDashboard, source } from "./dashboard_harness.mjs";

const graph = (id, schedule, zone, tasks, dependencies) => JSON.stringify({
  graph: { dag_id: id, schedule_interval: schedule, timezone: zone, default_args: { retries: 0 } },
  tasks: tasks.map((name) => ({ name, code: `echo ${name}; sleep 0.0$((RANDOM % 9))` })), dependencies,
});
const dashboard = await openDashboard({
  "busker.toml": `name = "record-shop"
version = "2.1"
[model]
command = "./model.sh \${ACTION}"
[actions.training]
schedule = "30 2 * * 0"
time_zone = "Europe/Stockholm"
promote_when = "auc > 0.5"
[actions.application]
input = "live"
schedule = "0 7 * * *"
time_zone = "Europe/Stockholm"
[actions.application.deliver."predictions.csv"]
table = "record_shop.predictions"
`,
  "model.sh": `#!/bin/sh\n. "./configs/$1.sh"\n`,
  "configs/training.sh": `echo reading 2,357 customers; sleep 0.2; echo growing 200 trees; sleep 0.\${BUSKER_DATE##*-}
head -c 180000 /dev/zero > output/model.ubj; echo "{\\"auc\\": 0.7\${BUSKER_DATE##*-}, \\"rows\\": 2357}" > output/metrics.json\n`,
  "configs/application.sh": `echo reading customers since \${BUSKER_DATE}; sleep 0.3
{ echo player_id,label; for i in $(seq 1 2357); do echo $i,true; done; } > output/predictions.csv; echo scored 2,357 customers\n`,
  "scheduler/configs/purchases.json": graph("purchases", "*/15 * * * *", "UTC", ["fetch"], []),
  "scheduler/configs/nightly-report.json": graph("nightly-report", "30 2 * * *", "Europe/Stockholm", ["fetch", "clean", "join", "report"],
    [["clean", "fetch"], ["join", "clean"], ["report", "join"]]),
  "scheduler/configs/stock.json": graph("stock", "0 6 * * 1-5", "America/New_York", ["count", "order"], [["order", "count"]]),
  "scheduler/configs/cleaning.json": graph("cleaning", "*/20 2 * * *", "Europe/Stockholm", ["sweep"], []),
}, { viewport: { width: 1100, height: 700 }, timezoneId: "Europe/Stockholm", locale: "en-GB" });
const { page, say, link, origin } = dashboard;

async function picture(name, hash, height, seen) {
  await page.setViewportSize({ width: 1100, height });
  await page.goto(`${origin}/#/${hash}`);
  await seen().waitFor();
  const file = path.join(source, "docs", "pictures", `${name}.png`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file });
}

try {
  await page.goto(link);
  for (const date of ["2026-03-01", "2026-03-08", "2026-03-15"]) say("run", "training", "--date", date);
  for (const date of ["2026-03-16", "2026-03-17"]) say("run", "application", "--date", date);
  for (const graph of ["purchases", "nightly-report", "stock"]) {
    say("start", graph);
    say("wait", graph, "--limit", "60s");
  }
  const newest = JSON.parse(say("runs", "application", "--json", "-n", "1"))[0].id;
  await picture("overview", "", 620, () => page.getByRole("region", { name: "Graph files" }).locator(".action", { hasText: /stock.*succeeded/ }));
  await page.goto(`${origin}/#/runs/${newest}`);
  await page.locator(".log .line", { hasText: "Well done." }).waitFor();
  await picture("run", `runs/${newest}`, 900, () => page.locator(".lineage h3", { hasText: "Delivered" }));
  await picture("schedule", "schedule/2026-03-29", 1190, () => page.getByRole("row", { name: /do not exist/ }));
} finally {
  await dashboard.close();
}
