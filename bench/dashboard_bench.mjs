#!/usr/bin/env node
// What the dashboard costs where there is much: an overview of 200 services, pages before a million runs of ten thousand
// graphs, a log of a gigabyte.
//
//   dashboard_bench [PART...]     overview, pages, log: by default all of them
//
// A real busker, and Chromium. A page is interactive when what it is about is there and the browser has drawn it and
// taken the next event; it is loaded anew each time.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { busker, openDashboard } from "../tests/dashboard_harness.mjs";

const runs = Number(process.env.DASHBOARD_BENCH_RUNS ?? 1_000_000), graphs = Number(process.env.DASHBOARD_BENCH_GRAPHS ?? 10_000);
const services = Number(process.env.DASHBOARD_BENCH_SERVICES ?? 200), versions = 12, requests = 100, loads = 5;
const bytes = Number(process.env.DASHBOARD_BENCH_BYTES ?? 1_000_000_000);
const filled = process.env.DASHBOARD_BENCH_RECORD; // a file: what was filled once is kept there for the next time
const at = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const row = (values, what) => console.log(`  ${at(values, 0.5).toFixed(1).padStart(9)} ${at(values, 0.99).toFixed(1).padStart(9)}  ${what}`);
const head = (title) => console.log(`\n${title}\n  ${"p50".padStart(9)} ${"p99".padStart(9)}  ms`);
// Beside others' work, also where this is measured with priority over it.
const fill = (record, graph, count, of, first = 0) => execFileSync("chrt", ["-o", "0", path.join(path.dirname(busker), "bench", "past_runs"), record, graph, String(count), String(of), String(first)]);

// The milliseconds that an answer takes, one after the other over one connection.
async function ask(dashboard, where, count = requests) {
  const token = dashboard.token ??= dashboard.say("token", "create", `bench-${Date.now()}`, "--scope", "operator");
  const agent = dashboard.agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 });
  const took = [];
  let size = 0;
  for (let i = 0; i < count; i += 1) {
    const begun = performance.now();
    const { status, length } = await new Promise((resolve, reject) => http.get(`${dashboard.origin}${where}`, { agent, headers: { Authorization: `Bearer ${token}` } }, (answer) => {
      let all = 0;
      answer.on("data", (some) => { all += some.length; });
      answer.on("end", () => resolve({ status: answer.statusCode, length: all }));
    }).on("error", reject));
    if (status !== 200) throw new Error(`${where}: ${status}`);
    took.push(performance.now() - begun);
    size = length;
  }
  row(took, `${size.toLocaleString("en").padStart(9)} B  ${where}`);
}

// Run in each page before its own script: when what it is about is there, drawn, and the next event is taken. A look from outside
// comes at most each half second.
const watch = (seen) => `window.benched = new Promise((resolve) => {
  const look = () => {
    if (!document.querySelector(${JSON.stringify(seen)})) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now()), 0));
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true });
})`;

// From the begin of a load until the selector's element is there, is drawn, and the page takes an event. And where that time
// went, of the load in the middle: the slowest answer, the bytes of all of them, the page's script, and its styles and layout.
async function load(dashboard, hash, seen) {
  const { page, origin } = dashboard;
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await session.send("Page.enable");
  const { identifier } = await session.send("Page.addScriptToEvaluateOnNewDocument", { source: watch(seen) });
  const all = [];
  for (let i = 0; i < loads; i += 1) {
    await page.goto("about:blank");
    await page.goto(`${origin}/#/${hash}`);
    const took = await Promise.race([page.evaluate(() => window.benched), new Promise((_, reject) => setTimeout(() => reject(new Error(`#/${hash} shows no ${seen}`)), 60_000).unref())]);
    const { metrics } = await session.send("Performance.getMetrics");
    const spent = (name) => 1000 * metrics.find((one) => one.name === name).value;
    const answers = await page.evaluate((end) => performance.getEntriesByType("resource").filter((one) => one.responseEnd > 0 && one.responseEnd <= end)
      .map((one) => [one.responseEnd - one.requestStart, one.decodedBodySize]), took);
    all.push([took, Math.max(...answers.map(([time]) => time)), answers.reduce((sum, [, size]) => sum + size, 0) / 1000, spent("ScriptDuration"), spent("LayoutDuration") + spent("RecalcStyleDuration")]);
  }
  await session.send("Page.removeScriptToEvaluateOnNewDocument", { identifier });
  await session.detach();
  all.sort((a, b) => a[0] - b[0]);
  const [, answer, kilobytes, script, layout] = all[loads >> 1];
  row(all.map(([took]) => took), `#/${hash}`.padEnd(52) + [answer, kilobytes, script, layout].map((value) => value.toFixed(0).padStart(7)).join(""));
}
const headOfLoads = (title) => console.log(`\n${title}\n  ${"p50".padStart(9)} ${"most".padStart(9)}  ms${" ".repeat(50)}${["answer", "KB", "script", "layout"].map((name) => name.padStart(7)).join("")}`);

const toml = (name) => `name = "${name}"
version = "1"
[model]
command = "sh model.sh"
[actions.training]
schedule = "30 2 * * 0"
promote_when = "auc > 0.5"
[actions.application]
input = "live"
schedule = "0 6 * * *"
[actions.application.deliver."predictions.csv"]
table = "${name.replaceAll("-", "_")}.predictions"
write = "partition"
`;
const model = `echo m > output/model.txt; echo '{"auc": 0.81, "logloss": 0.4, "rows": 2100, "seconds": 3.5}' > output/metrics.json\n`;

// One version is made by a real run; the others are like it, under other names: by months, or by days.
function copyVersions(home, services, versions) {
  const store = path.join(home, "artifacts"), first = path.join(store, "shop-0", "1");
  const stamp = fs.readdirSync(path.join(first, "training"))[0];
  const copy = (from, to, change) => {
    fs.mkdirSync(to, { recursive: true });
    for (const name of fs.readdirSync(from)) {
      const file = path.join(from, name);
      if (fs.statSync(file).isDirectory()) copy(file, path.join(to, name), change);
      else fs.writeFileSync(path.join(to, name), change(fs.readFileSync(file, "utf8")));
    }
  };
  for (let i = 0; i < services; i += 1) {
    for (let k = 0; k < versions; k += 1) {
      const other = new Date(Date.UTC(2025, versions > 12 ? 0 : k, versions > 12 ? k + 1 : 1)).toISOString().replace(/[-:]|\.\d+/g, "");
      copy(path.join(first, "training", stamp), path.join(store, `shop-${i}`, "1", "training", other), (text) => text.replaceAll("shop-0", `shop-${i}`).replaceAll(stamp, other));
    }
    if (i === 0) continue;
    for (const name of ["live.json", "gate.json"]) {
      const text = fs.readFileSync(path.join(first, name), "utf8");
      fs.writeFileSync(path.join(store, `shop-${i}`, "1", name), text.replaceAll("shop-0", `shop-${i}`).replaceAll(stamp, "20251201T000000Z"));
    }
  }
}

async function overview() {
  const files = Object.fromEntries(Array.from({ length: services }, (_, i) => [[`shop-${i}/busker.toml`, toml(`shop-${i}`)], [`shop-${i}/model.sh`, model]]).flat());
  const dashboard = await openDashboard(files);
  dashboard.say("start", "shop-0/training");
  dashboard.say("wait", "shop-0/training", "--limit", "60s");
  await dashboard.stop();
  const home = path.join(dashboard.folder, ".busker");
  copyVersions(home, services, versions);
  fill(path.join(home, "busker.db"), "shop-%/training", 14 * services, services);
  fill(path.join(home, "busker.db"), "shop-%/application", 14 * services, services, 14 * services);
  await dashboard.start();
  head("what a first look is told, a moment after a start");
  for (const where of ["/api/v1/services", "/api/v1/graphs?limit=100&runs=14", "/api/v1/dates/open"]) await ask(dashboard, where, 1);
  head(`an overview of ${services} services, each with ${versions} versions and 28 runs: goal 30 ms`);
  for (const where of ["/api/v1/status", "/api/v1/services", "/api/v1/graphs?limit=100&runs=14", "/api/v1/graphs?trouble=any&runs=1&limit=50", "/api/v1/dates/open"]) await ask(dashboard, where);
  await dashboard.page.goto(dashboard.say("token", "link"));
  headOfLoads("and its pages");
  for (const [hash, seen] of [["", ".action"], ["tables", "tbody tr, .empty"], ["services/shop-7", "[aria-label=Versions] tbody tr"]]) await load(dashboard, hash, seen);
  await dashboard.close();
}

// A service that was trained and applied for real, with a year of versions like the first.
const shop = { "shop-0/busker.toml": toml("shop-0"), "shop-0/model.sh": `case $BUSKER_DATE in 2026-10-09) echo 'no prices' >&2; exit 1;; esac
${model}{ echo id,price; for i in $(seq 1 100); do echo $i,2.5; done; } > output/predictions.csv
` };

async function pages() {
  const files = Object.fromEntries(Array.from({ length: graphs }, (_, i) => [`graphs/configs/graph-${i}.json`, JSON.stringify({ graph: { dag_id: `graph-${i}`, schedule_interval: "0 0 1 1 *", catchup: false }, tasks: [{ name: "only", code: "true" }], dependencies: [] })]));
  const dashboard = await openDashboard({ ...files, ...shop }, { prepare: (folder) => {
    const record = path.join(folder, ".busker", "busker.db");
    if (filled && fs.existsSync(filled)) fs.copyFileSync(filled, record);
    else fill(record, "graph", runs, graphs);
    if (filled && !fs.existsSync(filled)) fs.copyFileSync(record, filled);
  } });
  const { say, page } = dashboard;
  say("start", "shop-0/training", "--date", "2026-10-08");
  say("wait", "shop-0/training", "--limit", "120s");
  const applied = JSON.parse(say("backfill", "shop-0/application", "--from", "2026-10-01", "--to", "2026-10-30", "--json")).length;
  for (;;) {
    if (JSON.parse(say("runs", "shop-0/application", "--json", "-n", "100")).filter((run) => run.ended_at).length >= applied) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  copyVersions(path.join(dashboard.folder, ".busker"), 1, 365);
  const newest = JSON.parse(say("runs", "--json", "-n", "60"));
  const trained = newest.find((run) => run.action === "training").id, failed = newest.find((run) => run.state === "failed").id;
  headOfLoads(`pages before ${runs.toLocaleString("en")} runs of ${graphs.toLocaleString("en")} graphs, and a service of 366 versions, until they are interactive: goal 1,000 ms`);
  await page.goto(dashboard.link);
  const middle = `20200101-000000-${String(runs / 2).padStart(6, "0")}`;
  const date = new Date(Date.UTC(2019, 11, 20) + (runs / 4) * 60_000 - 1000).toISOString().slice(0, 10);
  for (const [hash, seen] of [["", ".action"], ["", ".looks .look"], ["?q=77", ".action"], ["?show=failed", ".action"], ["runs", "tbody tr"], ["runs?state=failed", "tbody tr"], [`runs?date=${date}`, "tbody tr"],
    ["runs?trigger=backfill", "tbody tr"], ["runs?trigger=after", ".empty"], ["graphs/graph-77", ".grid"], ["graphs/graph-77?show=dates", "#dates"], ["graphs/graph-99", ".grid"], ["graphs/shop-0:application", ".grid"],
    [`runs/${middle}`, ".gantt li"], [`runs/${failed}`, ".error"], [`runs/${trained}`, ".log .line"], [`runs/${trained}`, ".lineage li"],
    ["services/shop-0", "[aria-label=Versions] tbody tr"], ["services/shop-0?with=20250101T000000Z,20250102T000000Z", "#compare tbody tr"], ["tables", "tbody tr"], ["tables/shop-0/shop_0.predictions", ".rowbars a"],
    ["tables/shop-0/shop_0.predictions", "[aria-label='The first rows'] tbody tr"], ["schedule", ".calendar .entries"], ["schedule/2027-01", ".calendar .entries span"], ["schedule/2027-01-01", "[aria-label^='What is scheduled'] tbody tr"],
    ["activity", "tbody tr"]]) await load(dashboard, hash, seen);
  head("and what they ask for");
  for (const where of [`/api/v1/runs?limit=50&date=${date}`, `/api/v1/runs?limit=25&graph=graph-77&date=${date}`, "/api/v1/runs?limit=200&graph=graph-77&trigger=backfill", "/api/v1/dates/open?limit=20", "/api/v1/graphs?limit=100&runs=14", "/api/v1/graphs?limit=100&runs=14&q=77",
    "/api/v1/graphs/graph-77/dates", "/api/v1/services", "/api/v1/services/shop-0/versions", "/api/v1/services/shop-0/deliveries"]) await ask(dashboard, where);
  await dashboard.close();
}

// A gigabyte of progress bars and lines with colours, all of it kept.
const flood = `import sys
size, write = 0, sys.stdout.write
bar = "".join(f"\\rbatch: {p:3d}%|{'#' * (p // 5):20s}|" for p in range(0, 101, 2)) + "\\n"
i = 0
while size < BYTES:
    block = []
    for _ in range(1000):
        i += 1
        block.append(bar if i % 20 == 0 else f"\\x1b[33mWARNING\\x1b[0m batch {i}: slow\\n" if i % 1000 == 7 else f"2026-11-29 05:00:00 INFO batch {i} done\\n")
    text = "".join(block)
    size += len(text)
    write(text)
print("the needle stands here")
`;

async function log() {
  const dashboard = await openDashboard({
    "graphs/configs/flood.json": JSON.stringify({ graph: { dag_id: "flood" }, tasks: [{ name: "only", code: "python3 FOLDER/flood.py", log_bytes_max: "1GiB" }], dependencies: [] }),
    "flood.py": flood.replace("BYTES", String(bytes)),
  });
  const { page, say } = dashboard;
  const run = say("start", "flood").split(/\s/)[0];
  say("wait", "flood", "--limit", "20m");
  await page.goto(dashboard.link);
  const attempt = `/api/v1/runs/${run}/tasks/only/attempts/1/log`;
  head(`a log of ${(bytes / 1e9).toFixed(1)} GB with progress bars, as the server tells it`);
  await ask(dashboard, `${attempt}/lines`, 1);
  await ask(dashboard, `${attempt}/lines`, 10);
  await ask(dashboard, `${attempt}?from=${Math.floor(bytes / 2)}&bytes=65536`, 30);
  await ask(dashboard, `${attempt}/lines?q=needle`, 5);
  await ask(dashboard, `${attempt}/lines?q=warning`, 5);
  headOfLoads("and in the page: opening it (goal 300 ms)");
  await load(dashboard, `runs/${run}`, ".log .line");
  head("any place shown (goal 300 ms), a search told (goal 2,000 ms)");
  const took = [];
  for (let i = 0; i < 30; i += 1) {
    took.push(await page.evaluate(async (share) => {
      const box = document.querySelector(".log"), begun = performance.now();
      box.scrollTop = (box.scrollHeight - box.clientHeight) * share;
      for (;;) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const lines = [...box.querySelectorAll(".line .t")];
        if (performance.now() - begun > 20 && lines.length > 10 && lines.every((line) => line.textContent !== "...\n")) return performance.now() - begun;
      }
    }, ((i * 7919) % 1000) / 1000));
  }
  row(took, "any place");
  const told = [];
  for (let i = 0; i < 5; i += 1) {
    await page.getByLabel("Search", { exact: true }).fill("");
    await page.waitForTimeout(400);
    const begun = performance.now();
    await page.getByLabel("Search", { exact: true }).fill(i % 2 ? "needle" : "WARNING");
    await page.locator(".logbar [role=status]").waitFor();
    told.push(performance.now() - begun);
  }
  row(told, "a search");
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const status = fs.readFileSync(`/proc/${dashboard.pidOf()}/status`, "utf8");
  console.log(`  the page's heap: ${(usedSize / 1e6).toFixed(1)} MB (goal: under 100); busker up: ${(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1e3).toFixed(0)} MB resident`);
  await dashboard.close();
}

const parts = { overview, pages, log };
for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts)) {
  if (!parts[name]) throw new Error(`there is no part ${name}; there are ${Object.keys(parts).join(", ")}`);
  await parts[name]();
}
