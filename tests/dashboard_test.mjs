// The dashboard in a real browser, against a real busker up with real runs.
//
//   node --test tests/dashboard_test.mjs       BUSKER_BUILD: where busker is (build/release)
//
// Each page is also photographed, light, dark and on a phone, into build/screenshots/.
import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before } from "node:test";
import { faultsOfAccess, freePort, openDashboard, source, test, until } from "./dashboard_harness.mjs";
import { inFileName, payloads } from "./dashboard_payloads.mjs";

const pictures = path.join(source, "build", "screenshots");

// What comes due while this runs has runs that no test asked for. So what must have coming instants runs at an hour that is
// at least three hours away; what needs only those of the past ended with October 2026; the rest is paused before it begins.
const now = new Date().getUTCHours(), hour = now >= 10 && now < 22 ? 3 : 15, past = "2026-10-31";
const two = (number) => String(number).padStart(2, "0");

// What the actions do is in shell, so a test says it in a line. `application` fails until ok is there.
const files = {
  "busker.toml": `name = "shop"
version = "1"
[model]
command = "./model.sh \${ACTION}"
[actions.training]
schedule = "0 ${hour} * * *"
time_zone = "Europe/Stockholm"
[actions.application]
input = "live"
[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
`,
  "model.sh": `#!/bin/sh\n. "./configs/$1.sh"\n`,
  "configs/training.sh": "echo step 1\nuntil test -e FOLDER/gate; do sleep 0.05; done\necho step 2\necho m > output/model.txt\n" +
    "test -e FOLDER/auc && auc=$(cat FOLDER/auc) || auc=0.8\necho \"{\\\"auc\\\": $auc}\" > output/metrics.json\n",
  "configs/application.sh": "printf 'player_id,label\\n1,true\\n2,false\\n' > output/predictions.csv\n",
  "scheduler/configs/nightly.json": JSON.stringify({
    graph: { dag_id: "nightly", schedule_interval: `30 ${hour} * * *`, default_args: { retries: 0 } },
    tasks: [
      { name: "fetch", code: "echo fetching; echo x >> FOLDER/witness" },
      { name: "load", code: "test -e FOLDER/ok || { echo 'no such column: basket_size' >&2; exit 3; }" },
      { name: "report", code: "echo reported" },
    ],
    dependencies: [["load", "fetch"], ["report", "load"]],
  }),
};

let dashboard, folder, link, origin, page, say;
const elsewhere = [], executed = [];

// Light and dark, for every eye, and as a phone shows it, where nothing may be wider than the glass.
async function photograph(name) {
  fs.mkdirSync(pictures, { recursive: true });
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`), fullPage: true });
    assert.deepEqual(await faultsOfAccess(page), [], `${name}, ${colorScheme}`);
  }
  await page.setViewportSize({ width: 390, height: 800 });
  await page.screenshot({ path: path.join(pictures, `${name}-phone.png`), fullPage: true });
  let wider = []; // until what is drawn to measure is drawn anew
  await until(`${name} fits a phone`, async () => (wider = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((each) => !each.closest(".scroll, .hidden") &&
    each.getBoundingClientRect().right > window.innerWidth + 1).map((each) => `${each.tagName} ${each.className} ${each.textContent.slice(0, 40)}`)
    .concat(document.documentElement.scrollWidth > window.innerWidth ? ["the page itself"] : []))).length === 0).catch(() => {});
  assert.deepEqual(wider, [], `${name} fits a phone`);
  await page.setViewportSize({ width: 1280, height: 800 });
}

async function visit(hash, seen) {
  await page.goto(`${origin}/#/${hash}`);
  await seen.waitFor();
}

// Keys of which some come too late after another, on a machine that is busy; a person would press them again.
async function pressUntil(keys, seen) {
  for (let tries = 0; tries < 5 && !(await seen.isVisible()); tries += 1) {
    for (const key of keys) await page.keyboard.press(key);
    await seen.waitFor({ timeout: 4000 }).catch(() => {});
  }
  await seen.waitFor();
}

async function searchFor(text) {
  const box = page.getByRole("combobox", { name: "Search everything" });
  await pressUntil(["Control+k"], box);
  await box.fill(text);
}

// Asks as a verb does: over the socket of the home, in the name of anybody.
function ask(message) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path.join(folder, ".busker", "socket"), () => socket.write(`${JSON.stringify(message)}\n`));
    let text = "";
    socket.setTimeout(60_000, () => reject(new Error("no answer over the socket")));
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      text += bytes;
      if (!text.includes("\n")) return;
      socket.destroy();
      resolve(JSON.parse(text.split("\n")[0]));
    });
  });
}

// Until an edited definition is read.
const served = (graph) => until(`${graph} is served`, async () => !(await ask({ verb: "explain", what: graph })).error);
const titled = (pattern) => page.waitForFunction((source) => new RegExp(source).test(document.title), pattern.source);

before(async () => {
  dashboard = await openDashboard(files);
  ({ folder, link, origin, page, say } = dashboard);
  await dashboard.context.exposeBinding("hit", (_, number) => void executed.push(number));
  await dashboard.context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => window.hit(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== origin) elsewhere.push(request.url());
  });
  page.on("pageerror", (error) => elsewhere.push(`error in the page: ${error}`));
  page.on("dialog", (dialog) => void dialog.accept());
});

after(() => dashboard?.close());

test("without a session there is a page that says what to do, and nothing else", async () => {
  const answer = await page.goto(`${origin}/`);
  assert.equal(answer.status(), 401);
  await page.getByText("busker open").waitFor();
});

test("the link of busker token link opens the dashboard, once", async () => {
  await page.goto(link);
  await page.getByRole("link", { name: "shop/training" }).waitFor();
  await page.getByRole("link", { name: "nightly" }).waitFor();
  assert.ok(!page.url().includes("token="), "the secret does not stay in the address");
  const again = await fetch(link, { redirect: "manual" });
  assert.equal(again.status, 401);
  // In the browser that it had signed in it said "This browser has no session".
  await page.goto(link);
  await page.getByRole("link", { name: "shop/training" }).waitFor();
});

test("run now turns green before one's eyes, and its log comes as it is written", async () => {
  await page.getByRole("button", { name: "Run now: shop/training" }).click();
  await page.getByRole("dialog").getByLabel("Data date").waitFor();
  await photograph("run-now");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/#\/runs\//);
  await page.locator(".log", { hasText: "step 1" }).waitFor();
  assert.equal(await page.locator(".log", { hasText: "step 2" }).count(), 0, "it is there before the task has ended");
  // It said 0.00 s of CPU and 0 B of memory until the end.
  await page.getByRole("img", { name: /^Memory over the last .*: \d+\.\d [KM]B, at most / }).waitFor();
  await page.getByRole("img", { name: /^CPU over the last .*: \d+ %, at most \d+ %$/ }).waitFor();
  await photograph("running");
  fs.writeFileSync(path.join(folder, "gate"), "");
  await page.locator(".log", { hasText: "step 2" }).waitFor();
  await page.locator(".log", { hasText: "Well done." }).waitFor();
  await page.locator(".facts .state.succeeded").waitFor();
  await page.locator(".usages").waitFor({ state: "detached" });
  await titled(/^✓ shop\/training \d{4}-\d\d-\d\d - Busker$/);
  assert.match(await page.getByRole("heading", { level: 1 }).textContent(), /^shop \/ training for \d{4}-\d\d-\d\d$/);
  await photograph("run");
});

test("a failed run is taken up again from its failed task", async () => {
  await page.goto(`${origin}/#/graphs/nightly`);
  await page.getByText("It never ran. Run it now, or wait for its schedule.").waitFor();
  await page.getByRole("button", { name: "Run now: nightly" }).click();
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.getByRole("button", { name: /Retry/ }).waitFor();
  await page.getByRole("region", { name: "What went wrong" }).locator("pre", { hasText: /^no such column: basket_size$/ }).waitFor();
  await page.locator(".log", { hasText: "no such column: basket_size" }).waitFor();
  assert.equal(await page.locator(".gantt li").first().locator(".name").textContent(), "✕failed load", "what failed stands first");
  await photograph("failed");
  fs.writeFileSync(path.join(folder, "ok"), "");
  await page.getByRole("button", { name: /Retry/ }).click();
  await page.locator(".facts .state.succeeded").waitFor();
  assert.equal(fs.readFileSync(path.join(folder, "witness"), "utf8"), "x\n", "what had succeeded is not repeated");
});

test("a backfill shows its instants before it runs any", async () => {
  await page.goto(`${origin}/#/graphs/shop:training`);
  await page.getByRole("button", { name: "Backfill" }).click();
  await page.getByLabel("From", { exact: true }).fill("2026-03-28");
  await page.getByLabel("to", { exact: true }).fill("2026-03-30");
  await page.getByRole("button", { name: "Show what would run" }).click();
  await page.locator(".instants li").nth(2).waitFor();
  const instants = await page.locator(".instants li").allTextContents();
  assert.deepEqual(instants, [`2026-03-28 ${two(hour - 1)}:00 UTC: run`, `2026-03-29 ${two(hour - 2)}:00 UTC: run`, `2026-03-30 ${two(hour - 2)}:00 UTC: run`]);
  assert.equal(JSON.parse(say("runs", "--json", "-n", "100")).filter((run) => run.batch).length, 0);
  await photograph("graph");
});

test("a version is promoted, rolled back, and a delivery undone", async () => {
  fs.writeFileSync(path.join(folder, "auc"), "0.9");
  say("start", "training", "--key", "second");
  say("wait", "training", "--limit", "120s");
  await page.goto(`${origin}/#/services/shop`);
  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Roll back" }).click();
  await dialog.getByRole("button", { name: "Roll back" }).click();
  const live = page.locator("tbody tr", { has: page.locator(".badge") });
  await live.filter({ hasText: "0.8" }).waitFor();
  await page.getByRole("button", { name: "Promote version 2" }).click();
  await dialog.getByText("Now live is version 1").waitFor();
  await dialog.getByRole("row", { name: /auc 0\.8 0\.9 \+0\.1 better/ }).waitFor();
  await dialog.getByLabel("Why").fill("looked at by ada");
  await photograph("promote");
  await dialog.getByRole("button", { name: "Make version 2 live" }).click();
  await live.filter({ hasText: "0.9" }).waitFor();
  await page.getByText("looked at by ada").waitFor();
  await page.getByRole("button", { name: "Compare version 1" }).click();
  await page.getByRole("button", { name: "Compare version 2" }).click();
  const both = page.getByRole("table", { name: "Both versions" });
  await both.getByRole("row", { name: /auc 0\.8 0\.9 \+0\.1 better/ }).waitFor();
  assert.match(page.url(), /with=/, "what is compared is in the address");
  const models = JSON.parse(say("models", "--json"));
  assert.deepEqual(models.map((model) => [model.metrics.auc, model.live]), [[0.8, false], [0.9, true]]);
  await page.getByText("Nothing was delivered yet").waitFor();
  say("start", "application", "--key", "first");
  say("wait", "application", "--limit", "120s");
  await page.locator("tr", { hasText: "shop.predictions" }).waitFor();
  await photograph("service");
  await page.getByRole("link", { name: "shop.predictions" }).click();
  await page.getByRole("table", { name: "The first rows" }).getByRole("row", { name: /^1 true Who/ }).waitFor();
  await page.getByRole("columnheader", { name: "player_id INT64" }).waitFor();
  await photograph("table");
  await page.getByRole("button", { name: /^Undo the delivery/ }).click();
  await dialog.getByRole("button", { name: "Undo this delivery" }).click();
  await page.locator("tr", { hasText: "undone" }).waitFor();
  await page.getByText("all that was delivered to it was undone").waitFor();
  assert.ok(JSON.parse(say("deliveries", "--json"))[0].undone_at);
});

test("a run shows where its time went, and what came of it", async () => {
  const application = JSON.parse(say("runs", "--json", "-n", "100")).find((run) => run.action === "application");
  await visit(`runs/${application.id}`, page.locator(".lineage"));
  const steps = page.locator(".lineage li");
  assert.deepEqual(await steps.locator("h3").allTextContents(), ["Data date", "Input version", "Version made", "Delivered"]);
  assert.match(await steps.nth(3).textContent(), /2 rows to shop\.predictions/);
  await page.getByRole("row", { name: /predictions\.csv/ }).locator("code[title^='SHA-256 ']").waitFor();
  await page.getByText("The same in numbers").click();
  const row = page.getByRole("table", { name: /spent its time/ }).getByRole("row", { name: /^application 1 / });
  await row.waitFor();
  assert.equal((await row.getByRole("cell").allTextContents()).filter((text) => / (ms|s|MB|KB)$/.test(text)).length, 7, "five phases, CPU and memory");
  const phases = await page.locator(".gantt rect").evaluateAll((rects) => [...new Set(rects.map((rect) => rect.classList[1]))]);
  assert.deepEqual(phases.sort(), ["computing", "loading", "saving", "starting", "waiting"]);
  await photograph("lineage");
  await steps.nth(1).getByRole("link", { name: /-/ }).click();
  await page.locator(".lineage h3", { hasText: "Applied by" }).waitFor();
});

// A first try that had failed was drawn green when the second succeeded, in one bar with it.
test("each attempt has a bar of its own, and leads to its log", async () => {
  dashboard.write("scheduler/configs/twice.json", JSON.stringify({
    graph: { dag_id: "twice", default_args: { retries: 1, retry_delay: 0 } }, dependencies: [],
    tasks: [{ name: "shaky", code: "test -e FOLDER/tried || { touch FOLDER/tried; echo 'not yet' >&2; exit 4; }; echo now" }],
  }).replaceAll("FOLDER", folder));
  await served("twice");
  const { run } = await ask({ verb: "start", graph: "twice", by: "ada" });
  const attempts = page.getByRole("list", { name: "Attempts of shaky" }).getByRole("listitem");
  await visit(`runs/${run}`, attempts.nth(1));
  await page.locator(".facts .state.succeeded").waitFor();
  assert.deepEqual(await attempts.locator(".name").allTextContents(), ["✕ attempt 1 exited", "✓ attempt 2 succeeded"]);
  assert.equal(await attempts.nth(0).locator("rect.computing.failed").count(), 1);
  assert.equal(await attempts.nth(1).locator("rect.computing.succeeded").count(), 1);
  await attempts.nth(0).getByRole("link").click();
  await page.waitForURL(/\/shaky\/1$/);
  await page.locator(".log", { hasText: "not yet" }).waitFor();
  await photograph("attempts");
  fs.rmSync(path.join(folder, "scheduler/configs/twice.json"));
});

// A table was its bars, its rows and its deliveries: what was missing or empty in it had to be counted by hand.
test("a table shows what is missing, how few rows may be, what has no value, and who wrote a row", async () => {
  const own = await openDashboard({
    "tariff/busker.toml": `name = "tariff"
version = "1"
[model]
command = "sh model.sh"
[actions.pricing]
schedule = "0 ${hour} * * *"
[actions.pricing.deliver."predictions.csv"]
table = "tariff.prices"
write = "partition"
rows_min = 2
`,
    "tariff/model.sh": "case $BUSKER_DATE in 2026-10-03) echo 'no prices' >&2; exit 1;; esac\n{ echo id,price,note; for i in $(seq 1 ${BUSKER_DATE##*-0}); do echo $i,2.5,; done; echo 9,3.5,x; } > output/predictions.csv\n",
  });
  own.say("backfill", "tariff/pricing", "--from", "2026-10-01", "--to", "2026-10-05");
  await until("all five have ended", () => JSON.parse(own.say("runs", "--json", "-n", "20")).filter((run) => run.ended_at).length === 5);
  await own.page.goto(own.link);
  await own.page.goto(`${own.origin}/#/tables/tariff/tariff.prices`);
  await own.page.getByRole("link", { name: "2026-10-03: nothing was delivered, its run failed" }).waitFor({ timeout: 90_000 }); // each minute a page looks anew
  await own.page.getByRole("group", { name: "Rows of 4 data dates, from 2 to 6; 1 missing" }).waitFor();
  await own.page.getByText("1 data date has no delivery: 2026-10-03.").waitFor();
  await own.page.locator(".atleast", { hasText: "rows_min 2" }).waitFor({ state: "attached" });
  const columns = own.page.getByRole("table", { name: "Columns" });
  await columns.getByRole("row", { name: /^note STRING 75 % x x$/ }).waitFor(); // 12 of 16
  await columns.getByRole("row", { name: /^id INT64 none 1 9$/ }).waitFor();
  const row = own.page.getByRole("table", { name: "The first rows" }).getByRole("row", { name: /^9 3\.5 x 2026-10-04 / });
  await row.getByRole("button", { name: "Who wrote it?" }).click();
  const origin = own.page.locator(".origin");
  await origin.getByText(/^Written by the run for 2026-10-04, delivered .* as one of 5 rows, with version \S+\.$/).waitFor();
  for (const colorScheme of ["dark", "light"]) {
    await own.page.emulateMedia({ colorScheme });
    assert.deepEqual(await faultsOfAccess(own.page), [], colorScheme);
    await own.page.screenshot({ path: path.join(pictures, `origin-${colorScheme}.png`), fullPage: true });
  }
  await origin.getByRole("link", { name: "the run for 2026-10-04" }).click();
  await own.page.getByRole("heading", { level: 1, name: "tariff / pricing for 2026-10-04" }).waitFor();
});

// To ask the live version something took curl, and the row of the same key another request.
test("a prediction is tried from the page of its service, beside what a batch run delivered", async () => {
  const tree = { id: 0, left_children: [1, -1, -1], right_children: [2, -1, -1], parents: [2147483647, 0, 0], split_indices: [0, 0, 0], split_conditions: [30, 5, -5], split_type: [0, 0, 0],
    default_left: [1, 0, 0], base_weights: [0, 0, 0], loss_changes: [1, 0, 0], sum_hessian: [2, 1, 1], categories: [], categories_nodes: [], categories_segments: [], categories_sizes: [],
    tree_param: { num_deleted: "0", num_feature: "2", num_nodes: "3", size_leaf_vector: "1" } };
  const booster = { version: [3, 2, 0], learner: { attributes: {}, feature_names: ["age", "plan"], feature_types: ["float", "float"],
    gradient_booster: { name: "gbtree", model: { gbtree_model_param: { num_parallel_tree: "1", num_trees: "1" }, tree_info: [0], iteration_indptr: [0, 1], trees: [tree] } },
    learner_model_param: { base_score: "[0E0]", boost_from_average: "1", num_class: "0", num_feature: "2", num_target: "1" }, objective: { name: "reg:squarederror", reg_loss_param: { scale_pos_weight: "1" } } } };
  const own = await openDashboard({
    "asked/busker.toml": `name = "asked"
version = "1"
[model]
command = "sh model.sh \${ACTION}"
[actions.training]
promote = true
[actions.application]
input = "live"
[actions.application.deliver."predictions.csv"]
table = "asked.predictions"
key = ["customer_id"]
`,
    "asked/model.sh": "if [ $1 = training ]; then cp model.json signature.json serving_sample.json output/; else printf 'customer_id,score\\nc-1,5\\n' > output/predictions.csv; fi\n",
    "asked/model.json": JSON.stringify(booster),
    "asked/signature.json": JSON.stringify({ inputs: [{ name: "age", type: "number", missing: true }, { name: "plan", type: "category", categories: ["free", "paid"] }], outputs: ["score"] }),
    "asked/serving_sample.json": JSON.stringify({ inputs: [{ age: 20, plan: "free" }, { age: 50, plan: "paid" }], outputs: [5, -5] }),
  }, { prepare: async (made) => fs.appendFileSync(path.join(made, ".busker/daemon.toml"), `[serving]\nlisten = "127.0.0.1:${await freePort()}"\n`) });
  for (const action of ["training", "application"]) {
    own.say("start", `asked/${action}`);
    own.say("wait", `asked/${action}`, "--limit", "120s");
  }
  await own.page.goto(own.link);
  await own.page.goto(`${own.origin}/#/services/asked`);
  const form = own.page.locator("#try form");
  await form.waitFor();
  await form.getByLabel("age").fill("20");
  await form.getByLabel("plan").selectOption("free");
  await form.getByLabel("customer_id").fill("c-1");
  await form.getByRole("button", { name: "Predict" }).click();
  await own.page.locator(".answers").getByText(/^Answered now, by /).waitFor();
  await own.page.locator(".answers dd", { hasText: /^5 the same$/ }).waitFor();
  assert.deepEqual(await faultsOfAccess(own.page), []);
  await own.page.screenshot({ path: path.join(pictures, "try.png"), fullPage: true });
});

test("a graph's page tells how long its runs took, and its coming instants", async () => {
  await visit("graphs/shop:training", page.getByText(/^Median .* of the 2 that succeeded; the longest took /));
  const next = page.getByRole("table", { name: "Upcoming runs" }).getByRole("row");
  await next.nth(1).waitFor();
  assert.equal(await next.count(), 9, "a head and eight of them");
  const first = JSON.parse(say("next", "training", "--count", "1", "--json"))[0];
  assert.equal(await next.nth(1).getByRole("rowheader").locator("time").getAttribute("datetime"), first.utc);
  await photograph("graph-runs");
});

test("the schedule marks what the clocks move, repeat and skip, in the words of busker next", async () => {
  dashboard.write("scheduler/configs/clocks.json", JSON.stringify({
    graph: { dag_id: "clocks", schedule_interval: "30 2 * * *", timezone: "Europe/Stockholm", end_date: past },
    tasks: [{ name: "a", code: "true" }], dependencies: [],
  }));
  dashboard.write("scheduler/configs/quarters.json", JSON.stringify({
    graph: { dag_id: "quarters", schedule_interval: "*/15 2 * * *", timezone: "Europe/Stockholm", end_date: past },
    tasks: [{ name: "a", code: "true" }], dependencies: [],
  }));
  const often = (more) => dashboard.write("scheduler/configs/often.json", JSON.stringify({ graph: { dag_id: "often", ...more }, tasks: [{ name: "a", code: "true" }], dependencies: [] }));
  often({});
  for (const graph of ["clocks", "quarters", "often"]) await served(graph);
  say("pause", "often");
  often({ schedule_interval: "* * * * *" });
  await until("often has its schedule", () => page.evaluate(async () => (await (await fetch("/api/v1/graphs/often")).json()).schedule));
  const told = (from) => JSON.parse(say("next", "30 2 * * *", "--zone", "Europe/Stockholm", "--from", from, "--count", "1", "--json"))[0].note;
  const agenda = page.getByRole("table", { name: /What is scheduled on/ });
  await visit("schedule/2026-03-29", agenda.getByRole("row", { name: /quarters/ }));
  await agenda.getByRole("row", { name: /clocks no run/ }).waitFor();
  const cells = (graph) => agenda.getByRole("row").filter({ has: page.getByRole("link", { name: graph, exact: true }) }).locator("th, td").allTextContents();
  assert.deepEqual(await cells("clocks"), ["01:00", "clocks", "no run", told("2026-03-29"), "2026-03-29 03:00 +02:00", "2026-03-28"]);
  assert.deepEqual(await cells("quarters"), ["skipped", "quarters", "", "clocks go forward: 02:00, 02:15, 02:30 and 1 more do not exist", "", ""]);
  assert.deepEqual(await cells("often"), ["00:00 to 23:59", "often (paused)", "", "each minute, 1,440 times", "", ""]);
  const day = page.getByRole("gridcell", { name: /29 March 2026|March 29, 2026/ }).getByRole("link");
  assert.match(await day.locator(".hidden").textContent(), /runs of 4 schedules.*Europe\/Stockholm: clocks go forward 1h, from 02:00 to 03:00; the change of the clocks moves/);
  assert.equal(await page.locator(".calendar .clocks").count(), 1);
  await photograph("schedule");

  // The keys of a calendar.
  await day.focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForURL(/#\/schedule\/2026-04-05$/);
  await page.waitForFunction(() => document.activeElement?.getAttribute("data-day") === "2026-04-05");
  await page.keyboard.press("PageUp");
  await page.waitForFunction(() => document.activeElement?.getAttribute("data-day") === "2026-03-05");
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.activeElement?.getAttribute("data-day") === "2026-03-31");
  assert.equal(await page.locator(".calendar a[tabindex='0']").count(), 1, "one stop for the tab key");

  // The hour that comes twice, by the clocks of the zone; and one schedule alone.
  await page.getByLabel("Only").fill("clocks");
  await page.getByLabel("Only").press("Enter");
  await page.getByLabel("Time zone").selectOption("Europe/Stockholm");
  await visit("schedule/2026-10-25", agenda.getByRole("row", { name: /no run .*runs once/ }));
  assert.equal(await agenda.getByRole("row").count(), 2);
  assert.deepEqual(await cells("clocks"), ["02:30", "clocks", "no run", told("2026-10-25"), "2026-10-24"], "its own zone is the one that is shown");
  await visit("schedule/tomorrow", page.getByText('"tomorrow" is not a month or day'));
});

// A page with a year of hours had the same date on each line, and named of each coming day its first instant alone.
test("of what runs often the clock stands beside the date, and what comes goes by days", async () => {
  for (const clock of ["06:00", "07:00"]) say("start", "often", "--date", `2026-10-05T${clock}:00Z`);
  const runs = page.getByRole("table", { name: "Runs", exact: true });
  await visit("graphs/often", runs.getByRole("row", { name: /2026-10-05 07:00/ }));
  await runs.getByRole("row", { name: /2026-10-05 06:00/ }).waitFor();
  await page.locator(".grid .day", { hasText: "07:00" }).waitFor();
  await page.getByRole("table", { name: "Upcoming runs" }).getByRole("row", { name: /00:00 to 23:59 UTC .*1,440 runs/ }).first().waitFor();
});

// What stands in a log, all of it: the page has only what is in sight.
async function wholeLog() {
  const lines = new Map();
  const box = page.locator(".log");
  await box.locator(".line .t").first().waitFor();
  await box.evaluate((element) => { element.scrollTop = 0; });
  for (let end = false; !end;) {
    await page.waitForFunction(() => {
      const element = document.querySelector(".log"), lines = [...element.querySelectorAll(".line")], [first] = lines;
      const isDrawn = Math.abs(Number(first?.firstChild.textContent) - 1 - element.scrollTop / first?.getBoundingClientRect().height) <= 1;
      return isDrawn && lines.every((line) => line.lastChild.textContent !== "...\n");
    });
    for (const [number, text] of await box.locator(".line").evaluateAll((found) => found.map((line) => [...line.children].map((each) => each.textContent)))) lines.set(Number(number), text);
    end = await box.evaluate((element) => {
      const before = element.scrollTop;
      element.scrollTop += element.clientHeight / 2;
      return element.scrollTop === before;
    });
  }
  return [...lines.entries()].sort((a, b) => a[0] - b[0]).map(([, text]) => text).join("");
}

// The page had a log's last 64 KB, said so nowhere, and searched no more than that.
test("a log of any size is gone through, searched and linked to line by line", async () => {
  dashboard.write("scheduler/configs/chatty.json", JSON.stringify({
    graph: { dag_id: "chatty", default_args: { retries: 0 } }, dependencies: [],
    tasks: [{ name: "talk", code: "i=0; while test $i -lt 40000; do i=$((i+1)); case $i in 20000) printf '\\033[31mERROR\\033[0m at twenty thousand\\n';; 20010) printf 'a  1%%\\rb 50%%\\rc 100%%\\n';; *) echo \"line $i of many, with words to make it longer\";; esac; done" }],
  }));
  await served("chatty");
  await ask({ verb: "start", graph: "chatty", by: "ada" });
  say("wait", "chatty", "--limit", "120s");
  const run = JSON.parse(say("runs", "chatty", "--json", "-n", "1"))[0].id;
  await visit(`runs/${run}`, page.getByText(/^40,002 lines, 1\.9 MB$/));
  assert.ok(await page.locator(".log .line").count() < 100, "what is out of sight is not in the page");
  await page.locator(".log .line", { hasText: "Well done." }).waitFor();
  await page.getByLabel("Search", { exact: true }).fill("error");
  await page.getByText(/^1 of 1 line$/).waitFor();
  const found = page.locator(".log .line.found");
  assert.equal(await found.locator(".n").textContent(), "20001", "the runner's own line stands first");
  assert.equal(await found.locator(".t .c1").textContent(), "ERROR", "in red");
  await page.getByLabel("Search", { exact: true }).fill("no such words");
  await page.getByText("no line has that").waitFor();
  await page.locator(".log .line").nth(3).locator(".n").click();
  await page.waitForURL(/\/talk\/1\/L\d+$/);
  await visit(`runs/${run}/talk/1/L20011`, page.locator(".log .line.at", { hasText: "c 100%" }));
  assert.equal((await page.locator(".log .line.at .t").textContent()).trim(), "c 100%", "of a progress bar its last state");
  await page.getByRole("button", { name: "Wrap" }).click();
  await page.locator(".log .line.at").waitFor();
  await photograph("log-lines");
  fs.rmSync(path.join(folder, "scheduler/configs/chatty.json"));
});

test("what is written is followed until one scrolls, and again when one asks for it", async () => {
  dashboard.write("scheduler/configs/drip.json", JSON.stringify({
    graph: { dag_id: "drip", default_args: { retries: 0 } }, dependencies: [],
    tasks: [{ name: "drip", code: "for i in $(seq 1 300); do echo line $i; done; for n in 1 2 3; do until test -e FOLDER/drop$n; do sleep 0.05; done; echo drop $n; done" }],
  }).replaceAll("FOLDER", folder));
  await served("drip");
  const { run } = await ask({ verb: "start", graph: "drip", by: "ada" });
  await visit(`runs/${run}`, page.locator(".log .line", { hasText: /line 300\s*$/ }));
  fs.writeFileSync(path.join(folder, "drop1"), "");
  await page.locator(".log .line", { hasText: "drop 1" }).waitFor();
  await page.locator(".log").hover();
  await page.mouse.wheel(0, -2000);
  await page.waitForFunction(() => { // a wheel does not stop at once
    const box = document.querySelector(".log"), stopped = Math.abs(box.scrollHeight - box.clientHeight - 2000 - box.scrollTop) < 2;
    return stopped && Math.abs(Number(box.querySelector(".n").textContent) - 1 - box.scrollTop / box.querySelector(".line").getBoundingClientRect().height) <= 1;
  });
  await page.getByRole("button", { name: "Newest lines" }).waitFor();
  const before = await page.locator(".log .line .n").first().textContent();
  fs.writeFileSync(path.join(folder, "drop2"), "");
  await page.getByText(/^303 lines/).waitFor();
  assert.equal(await page.locator(".log .line .n").first().textContent(), before, "the line that one reads stays");
  await page.getByRole("button", { name: "Newest lines" }).click();
  await page.locator(".log .line", { hasText: "drop 2" }).waitFor();
  fs.writeFileSync(path.join(folder, "drop3"), "");
  await page.locator(".log .line", { hasText: "drop 3" }).waitFor();
  await page.locator(".facts .state.succeeded").waitFor();
  fs.rmSync(path.join(folder, "scheduler/configs/drip.json"));
});

// A date that failed within a backfill was named nowhere once newer ones had succeeded.
test("data dates with no success are named first, shown as a calendar, and filled from there", async () => {
  dashboard.write("scheduler/configs/holes.json", JSON.stringify({
    graph: { dag_id: "holes", schedule_interval: "0 5 * * *", end_date: past, default_args: { retries: 0 } },
    tasks: [{ name: "a", code: "test -e FOLDER/full || test ${BUSKER_DATE##*-} -ne 02 || { echo 'basket is empty' >&2; exit 1; }" }, { name: "b", code: "true" }], dependencies: [["b", "a"]],
  }));
  await served("holes");
  for (const [from, to] of [["2026-10-01", "2026-10-03"], ["2026-10-05", "2026-10-05"]]) {
    await ask({ verb: "backfill", graph: "holes", from, to, by: "ada" });
    await until("its runs have ended", () => JSON.parse(say("runs", "holes", "--json", "-n", "20")).every((run) => run.ended_at));
  }
  const look = page.getByRole("list", { name: "Needs a look" }).getByRole("listitem").filter({ hasText: "holes" });
  await visit("", look.getByText("1 data date failed, and did not succeed since: 2026-10-02"));
  await look.getByText("1 data date never ran, between others that succeeded: 2026-10-04").waitFor();
  // The month tells it, too, and from the run that failed one goes on to the next.
  await visit("schedule/2026-10-03", page.locator("td.wrong [data-day='2026-10-03']", { hasText: "✕ 1 failed" }));
  await photograph("month");
  const runs = JSON.parse(say("runs", "holes", "--json", "-n", "20"));
  const idFor = (date) => runs.find((each) => each.data_date === date).id;
  await visit(`runs/${idFor("2026-10-02")}`, page.getByRole("link", { name: "Next ›" }));
  await page.getByRole("link", { name: "Next ›" }).click();
  await page.waitForURL(new RegExp(`#/runs/${idFor("2026-10-03")}$`));
  await page.getByRole("link", { name: "‹ Previous" }).click();
  await page.waitForURL(new RegExp(`#/runs/${idFor("2026-10-02")}$`));
  await visit("", look.getByText("1 data date failed, and did not succeed since: 2026-10-02"));
  await look.getByRole("link", { name: "Data dates, and what fills them" }).click();
  await page.getByRole("link", { name: "2026-10-02: failed", exact: true }).waitFor();
  await page.getByRole("img", { name: "2026-10-04: never ran" }).waitFor();
  await page.locator(".dag .node.succeeded", { hasText: /^.*a.*succeeded/ }).first().waitFor();
  await photograph("dates");
  // The grid is one stop for the tab key, and arrows go through it.
  assert.equal(await page.locator(".grid [tabindex='0']").count(), 1);
  await page.locator(".grid [tabindex='0']").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => document.activeElement.querySelector(".hidden")?.textContent === "a for 2026-10-03: succeeded");
  // Runs by state and date, in the address.
  await page.getByLabel("State").selectOption("failed");
  await page.waitForURL(/state=failed/);
  await page.getByRole("table", { name: "Runs", exact: true }).locator("tbody tr").nth(1).waitFor({ state: "detached" });
  await page.getByRole("table", { name: "Runs", exact: true }).getByRole("row", { name: /failed 2026-10-02/ }).waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByLabel("Data date").fill("2026-10-05");
  await page.getByRole("table", { name: "Runs", exact: true }).getByRole("row", { name: /2026-10-05.*backfill, ada/ }).waitFor();
  fs.writeFileSync(path.join(folder, "full"), "");
  await page.getByRole("button", { name: "Backfill" }).click();
  assert.deepEqual([await page.getByLabel("From", { exact: true }).inputValue(), await page.getByLabel("to", { exact: true }).inputValue()], ["2026-10-02", "2026-10-04"]);
  await page.getByRole("button", { name: "Show what would run" }).click();
  await page.getByRole("button", { name: "Run these 2" }).click();
  await page.getByText("2 runs were asked for").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name: "2026-10-04: succeeded", exact: true }).waitFor();
  await page.getByRole("link", { name: "2026-10-02: succeeded", exact: true }).waitFor();
  await visit("schedule/2026-10-02", page.getByRole("table", { name: /What is scheduled on/ }).getByRole("row", { name: /holes/ }).getByRole("link", { name: "succeeded" }));
  await page.getByRole("table", { name: /What is scheduled on/ }).getByRole("row", { name: /shop\/training no run/ }).waitFor();
  fs.rmSync(path.join(folder, "scheduler/configs/holes.json"));
});

// The newest forty were all that the page looked at, unless all of them were queued.
test("what a backfill has queued does not hide what is at work", async () => {
  dashboard.write("scheduler/configs/much.json", JSON.stringify({
    graph: { dag_id: "much", schedule_interval: "0 5 * * *", default_args: { retries: 0 } }, dependencies: [],
    tasks: [{ name: "a", code: "until test -e FOLDER/much; do sleep 0.05; done" }],
  }).replaceAll("FOLDER", folder));
  await served("much");
  await ask({ verb: "backfill", graph: "much", from: "2026-09-01", to: "2026-10-20", by: "ada" });
  const { run } = await ask({ verb: "start", graph: "much", by: "ada" });
  say("cancel", run);
  const grid = page.getByRole("group", { name: /Runs and their tasks/ });
  await visit("graphs/much", grid.getByRole("link", { name: "Run for 2026-09-01: running" }));
  await grid.getByRole("link", { name: /^Run for .*: cancelled$/ }).waitFor();
  assert.equal(await grid.getByRole("link", { name: /^Run for .*: queued$/ }).count(), 3);
  await page.getByRole("button", { name: "Cancel the rest" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the rest" }).click();
  await until("all of it has ended", () => JSON.parse(say("runs", "much", "--json", "-n", "100")).every((each) => each.ended_at));
  fs.rmSync(path.join(folder, "scheduler/configs/much.json"));
});

test("keys lead from page to page, and one search finds everything", async () => {
  await overview();
  await pressUntil(["g", "t"], page.getByRole("heading", { name: "Tables" }));
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByText("Search everything").waitFor();
  assert.deepEqual(await faultsOfAccess(page), []);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await pressUntil(["g", "o"], page.getByRole("link", { name: "shop/training" }));
  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement.id === "find");
  const find = async (text, kind, name) => {
    await searchFor(text);
    await page.getByRole("option", { name }).filter({ hasText: kind }).first().waitFor();
    assert.deepEqual(await faultsOfAccess(page), []);
    await page.getByRole("option", { name }).filter({ hasText: kind }).first().click();
  };
  const run = JSON.parse(say("runs", "shop/training", "--json", "-n", "1"))[0];
  await find(run.id.slice(-6), "run", /shop\/training/);
  await page.waitForURL(new RegExp(`#/runs/${run.id}$`));
  await find("shop.pred", "table", /shop\.predictions/);
  await page.waitForURL(/#\/tables\/shop\/shop\.predictions$/);
  await find(run.data_date, "data date", /All runs for/);
  await page.waitForURL(new RegExp(`#/runs\\?date=${run.data_date}$`));
  await page.getByRole("table", { name: "Runs", exact: true }).getByRole("row", { name: /shop\/training/ }).first().waitFor();
  await find("version 2", "version", /shop version 2/);
  await page.waitForURL(/#\/services\/shop\?version=/);
});

// A busker that was stopped looked alive for a minute, and its pages never went on: sessions had ended with it.
test("a busker that is gone is told at once, once, and the page goes on when it is back", async () => {
  await overview();
  await dashboard.stop();
  await page.getByRole("alert").filter({ hasText: "Busker does not answer." }).waitFor();
  assert.equal(await page.getByRole("alert").count(), 1, "once");
  await titled(/^\? /);
  await page.getByRole("link", { name: "shop/training" }).waitFor(); // how things stood
  await photograph("gone");
  await dashboard.start();
  await page.getByRole("alert").waitFor({ state: "detached" });
  const { run } = await ask({ verb: "start", graph: "nightly", by: "grace" });
  await page.getByRole("region", { name: "Graph files" }).locator(`.last a[href='#/runs/${run}']`, { hasText: "succeeded" }).waitFor();
  elsewhere.length = 0; // connections that failed meanwhile are none of the page's
});

// A page heard of its address from its first frame on. On a machine that was busy, one that changed before led nowhere: the
// overview stayed, whatever stood in the address.
test("an address that changes before the first frame is gone to", async () => {
  const early = await dashboard.context.newPage();
  await early.addInitScript(() => {
    window.requestAnimationFrame = () => 0;
    window.addEventListener("load", () => { window.location.hash = "#/schedule"; });
  });
  await early.goto(`${origin}/`);
  await early.locator(".calendar").waitFor();
  await early.close();
});

// A page whose first answer had failed asked again after a minute.
test("what cannot be read at first is asked for again, and soon", async () => {
  let asked = 0;
  await page.route("**/services/shop/versions", (route) => {
    asked += 1;
    return asked === 1 ? route.abort() : asked === 2 ? route.fulfill({ status: 503, json: { detail: "the store is away" } }) : route.continue();
  });
  await visit("services/shop", page.getByRole("table", { name: "Versions" }));
  await page.unroute("**/services/shop/versions");
});

// The first question was answered last, and what it had found was shown in place of what was so by then.
test("an answer that is overtaken is not shown", async () => {
  let first = null;
  await overview();
  await page.route("**/services/shop/versions", (route) => (first === null ? void (first = route) : route.continue()));
  await page.evaluate(() => { window.location.hash = "#/services/shop"; });
  await until("it is asked", () => first !== null);
  await ask({ verb: "start", graph: "nightly", by: "ada" });
  await page.getByRole("table", { name: "Versions" }).waitFor();
  await first.fulfill({ json: { versions: [], unreadable: [], live: null } });
  await page.waitForTimeout(300); // for it to be drawn, if it were
  await page.getByRole("table", { name: "Versions" }).waitFor();
  assert.equal(await page.getByText("No version yet").count(), 0);
  await page.unroute("**/services/shop/versions");
});

test("a page that is not there, and a Busker that does not answer, say what to do", async () => {
  await visit("runs/20010101-000000-aaaaaa", page.getByText(/The overview lists what there is\./));
  await visit("graphs/none", page.getByText(/No action or graph "none".*\. The overview lists what there is\./).first());
  await visit("nowhere/at/all", page.getByRole("heading", { name: "No such page" }));
  await page.route("**/api/v1/**", (route) => route.abort());
  await visit("services/shop", page.getByText(/Busker does not answer/).first());
  await photograph("away");
  await page.unroute("**/api/v1/**");
});

async function overview() {
  await visit("", page.getByRole("link", { name: "shop/training" }));
}

test("the overview shows all there is", async () => {
  await overview();
  await page.getByRole("group", { name: /^The last 2 runs of shop\/training: 2 succeeded$/ }).waitFor();
  await page.getByRole("region", { name: "shop" }).getByText("version 2").waitFor();
  await photograph("overview");
  await page.getByRole("link", { name: /^\S* ?\d+ succeeded$/ }).click();
  await page.waitForURL(/\?show=succeeded$/);
  await page.getByLabel("Find by name").fill("night");
  await page.getByRole("link", { name: "shop/training" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "nightly", exact: true }).waitFor();
  assert.match(page.url(), /q=night/, "what is filtered is in the address");
});

test("a version that waits is approved, and what is pinned is moved only by who says so", async () => {
  dashboard.write("busker.toml", files["busker.toml"].replace("[actions.training]\n", "[actions.training]\npromote_when = \"auc > 0.5\"\nrequire_approval = true\n"));
  fs.writeFileSync(path.join(folder, "auc"), "0.95");
  await until("the gate is read", () => page.evaluate(async () => (await (await fetch("/api/v1/services")).json()).services[0].promote_when.training));
  say("start", "training", "--key", "waits");
  say("wait", "training", "--limit", "120s");
  const look = page.getByRole("list", { name: "Needs a look" }).getByRole("listitem").filter({ hasText: "waits for approval" });
  await visit("", look);
  await look.getByRole("link", { name: "Compare and approve" }).click();
  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Approve" }).click();
  await dialog.getByLabel("Why").fill("as good as it looks");
  await photograph("approve");
  await dialog.getByRole("button", { name: "Make version 3 live" }).click();
  const live = page.locator("tbody tr", { has: page.locator(".badge") });
  await live.filter({ hasText: "0.95" }).waitFor();
  await page.getByRole("button", { name: "Pin" }).click();
  await dialog.getByLabel("Why").fill("the campaign runs");
  await dialog.getByRole("button", { name: "Keep this version live" }).click();
  await page.getByText("the campaign runs").waitFor();
  await page.getByRole("button", { name: "Promote version 2" }).click();
  await dialog.getByText(/What is live is pinned by .*: the campaign runs/).waitFor();
  await dialog.getByRole("button", { name: "Make version 2 live" }).click();
  await live.filter({ hasText: "0.9" }).filter({ hasNotText: "0.95" }).waitFor();
  await page.getByText("the campaign runs").first().waitFor({ state: "detached" });
  // In the list of runs it looked like any that succeeded.
  fs.writeFileSync(path.join(folder, "auc"), "0.4");
  say("start", "training", "--key", "refused");
  say("wait", "training", "--limit", "120s");
  await visit("runs", page.getByRole("row", { name: /succeeded refused shop\/training .*auc 0\.4 is not > 0\.5/ }));
  dashboard.write("busker.toml", files["busker.toml"]);
  fs.rmSync(path.join(folder, "auc"));
});

test("more schedules than a page has are counted, and shown when asked for", async () => {
  await overview(); // a schedule that another looked for is not looked for any more
  const names = Array.from({ length: 230 }, (_, i) => `many-${1000 + i}`);
  const fileOf = (name) => path.join(folder, "scheduler/configs", `${name}.json`);
  for (const name of names) {
    dashboard.write(`scheduler/configs/${name}.json`, JSON.stringify({
      graph: { dag_id: name, schedule_interval: `0 ${hour} * * *` }, tasks: [{ name: "a", code: "true" }], dependencies: [] }));
  }
  await served(names[229]);
  const agenda = page.getByRole("table", { name: /What is scheduled on/ });
  await visit("schedule/2027-05-12", agenda.getByRole("row").nth(200));
  assert.equal(await agenda.getByRole("row").count(), 201);
  await page.getByText("The first 200 schedules are named; the numbers are those of all.").waitFor();
  await page.getByRole("button", { name: "Show more of the 233 schedules" }).click();
  await agenda.getByRole("link", { name: names[229] }).waitFor();
  assert.equal(await agenda.getByRole("row").count(), 234, "a head, and 233");
  for (const name of names) fs.rmSync(fileOf(name));
  await until("they are gone", () => !say("status", "--json").includes(names[229]));
});

test("what needs a look stands first, and the log says who did what", async () => {
  dashboard.write("scheduler/configs/leaky.json", JSON.stringify({
    graph: { dag_id: "leaky", default_args: { retries: 0 } }, tasks: [{ name: "drip", code: "exit 7" }], dependencies: [],
  }));
  await served("leaky");
  await ask({ verb: "start", graph: "leaky", by: "ada" });
  say("pause", "leaky");
  const look = page.getByRole("list", { name: "Needs a look" }).getByRole("listitem").filter({ hasText: "leaky" });
  await visit("", look.getByText("Failed, and has not succeeded since."));
  await look.getByText(/drip: the command ended with exit code 7/).waitFor();
  await page.getByRole("region", { name: "Graph files" }).getByRole("link", { name: "nightly", exact: true }).waitFor();
  await titled(/^\([1-9]\) Busker$/);
  await photograph("needs-a-look");
  await visit("activity", page.getByRole("row", { name: /ada run queued leaky/ }));
  assert.equal(await page.getByRole("row", { name: /busker run failed leaky/ }).count(), 0, "what follows by itself is not shown at first");
  await page.getByLabel("include automatic events").check();
  await page.getByRole("row", { name: /busker run failed leaky/ }).first().waitFor();
  const before = await page.locator("tbody tr").count();
  await page.getByRole("button", { name: "Show more" }).click();
  await page.locator("tbody tr").nth(before).waitFor();
  await page.getByLabel("include automatic events").uncheck();
  await page.getByRole("row", { name: /busker run failed leaky/ }).first().waitFor({ state: "detached" });
  await photograph("log");
  // What was paused was named in the detail, and led nowhere.
  await page.getByRole("row", { name: /paused leaky/ }).getByRole("link", { name: "leaky" }).waitFor();
  fs.rmSync(path.join(folder, "scheduler/configs/leaky.json"));
});

test("where there is nothing yet, each list says what to do", async () => {
  const empty = await openDashboard({ "notes/README": "nothing to run" });
  await empty.page.goto(empty.link);
  await empty.page.getByText("There is nothing to run here yet.").waitFor();
  await empty.page.getByRole("link", { name: "Schedule" }).click();
  await empty.page.getByText("Nothing is scheduled in these weeks.").waitFor();
  await empty.page.getByText("Nothing is scheduled on this day.").waitFor();
  assert.deepEqual(await faultsOfAccess(empty.page), []);
});

test("the payloads do run where they are taken for HTML", async (t) => {
  const context = await dashboard.newContext();
  const ran = new Set();
  await context.exposeBinding("hit", (_, number) => void ran.add(number));
  await context.route("**/*", (route) => (route.request().url().startsWith("http") ? route.abort() : route.continue()));
  const victim = await context.newPage();
  for (const pause of [15, 100, 500]) { // a machine that is slow is given more
    for (let i = 0; i < payloads.length && (pause === 15 || ran.size < 60); i += 1) {
      await victim.setContent(`<meta charset=utf-8><p>${payloads[i]}`, { waitUntil: "commit" });
      await victim.evaluate((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)), pause);
    }
  }
  await context.close();
  t.diagnostic(`${ran.size} of ${payloads.length} ran without a click`);
  assert.ok(payloads.length >= 150);
  assert.ok(ran.size >= 60, `${ran.size} of ${payloads.length} ran without a click`);
});

test("nothing that others wrote is more than text, wherever it is shown", async () => {
  dashboard.write("payloads.txt", payloads.join("\n") + "\n");
  const line = (number) => `sed -n ${number}p FOLDER/payloads.txt`;

  // What a program writes; the names of its files and its metrics.
  const outputs = payloads.map((payload) => inFileName(payload));
  for (const name of outputs) dashboard.write(`outputs/${name}`, "x");
  dashboard.write("metrics.json", JSON.stringify(Object.fromEntries(payloads.map((payload, i) => [payload, i]))));
  dashboard.write("configs/training.sh", "cat FOLDER/payloads.txt\ncp FOLDER/outputs/* output/\ncp FOLDER/metrics.json output/\n");
  say("start", "training", "--key", "hostile");
  assert.match(say("wait", "training", "--limit", "120s"), /succeeded/);
  const training = JSON.parse(say("runs", "training", "--json", "-n", "1"))[0].id;
  await visit(`runs/${training}`, page.locator(".lineage"));
  await page.getByText(/^The \d+ files that it made$/).click();
  await page.getByRole("row", { name: outputs[1] }).waitFor();
  const log = await wholeLog();
  // Escape sequences show nothing, and of what a carriage return starts anew the last is left.
  const onATerminal = (payload) => payload.split("\n")[0]
    .replace(/(?:\x1b\[|\x9b)[\x20-\x3f]*[\x40-\x7e]?|\x1b[\]PX^_][^\n\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[\x20-\x2f]*[\x30-\x7e]|[\x1b\x80-\x9f]/g, "")
    .trimEnd().split("\r").at(-1);
  for (const payload of payloads) assert.ok(log.includes(onATerminal(payload)), `the log shows ${JSON.stringify(payload)}`);
  await page.getByLabel("Search", { exact: true }).fill(payloads[0]);
  await page.locator(".log .found").first().waitFor();
  const made = JSON.parse(say("models", "--json"));
  await visit(`services/shop?with=${made[0].version},${made.at(-1).version}&metric=${encodeURIComponent(payloads[3])}`, page.getByRole("table", { name: "Both versions" }));
  assert.equal(await page.locator("option").evaluateAll((options) => options.length) > payloads.length, true, "each metric can be chosen");
  for (const i of [0, payloads.length - 1]) await page.getByLabel("Metric").selectOption(payloads[i]);
  await page.getByRole("table", { name: "Both versions" }).getByRole("row").nth(payloads.length).waitFor();

  // Why versions were promoted: as many as fit a sentence.
  const versions = JSON.parse(say("models", "--json"));
  let rest = payloads.map((payload) => payload.replace(/[\x00-\x1f\x7f]/g, " ")); // which the API refuses
  for (let i = 0; rest.length > 0; i += 1) {
    const some = [];
    while (rest.length > 0 && [...some, rest[0]].join(" ").length < 900) some.push(rest.shift());
    const answer = await page.evaluate(async (body) => (await fetch("/api/v1/services/shop/promote", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).status,
    { version: versions[i % 2].version, why: some.join(" ") });
    assert.equal(answer, 200);
    await overview();
    await visit("services/shop", page.locator("#page .row", { hasText: some[0].trim() }).first());
  }

  // The last output of what failed, each on its own page.
  dashboard.write("scheduler/configs/hostile.json", JSON.stringify({
    graph: { dag_id: "hostile", default_args: { retries: 0 } },
    tasks: payloads.map((_, i) => ({ name: `t${i}`, code: `${line(i + 1)} >&2; exit 5` })), dependencies: [],
  }).replaceAll("FOLDER", folder));
  await served("hostile");
  const { run } = await ask({ verb: "start", graph: "hostile", by: payloads[1], trigger: payloads[2] });
  for (const [i, payload] of payloads.entries()) {
    await visit(`runs/${run}/t${i}`, page.getByRole("heading", { name: `Task t${i}`, exact: true }));
    const shown = payload.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "").trim().slice(0, 10); // what turns a line is not
    if (i % 20 === 0) await page.locator(".sticky p, .error pre", { hasText: shown }).first().waitFor();
    if (i % 20 === 0) await page.locator(".error").waitFor();
  }

  // Who asked, and why.
  for (let i = 0; i < payloads.length; i += 1) {
    const { run: each } = await ask({ verb: "start", graph: "nightly", by: payloads[i], trigger: payloads[payloads.length - 1 - i] });
    assert.ok(each);
    if (i % 38 === 37 || i === payloads.length - 1) await visit("graphs/nightly", page.getByRole("cell", { name: payloads[i].trim().split(/\s/)[0] }).first());
  }
  for (const payload of payloads.slice(0, 20)) {
    await ask({ verb: "resume", graph: "nightly", by: payload });
    await ask({ verb: "pause", graph: "nightly", by: payload });
    await visit("", page.locator(".action .next", { hasText: payload.trim() }).first());
    await visit("schedule", page.locator(".calendar"));
  }

  // Definitions that are at fault: their files' names, and what is said of them.
  payloads.forEach((payload, i) => dashboard.write(`scheduler/configs/${i} ${inFileName(payload)}.json`, JSON.stringify({
    graph: { dag_id: payload, owner: payload, [payload]: payload }, tasks: [{ name: payload, code: payload }], dependencies: [[payload, payload]],
  })));
  await until("all faults are told", async () => (await ask({ verb: "status" })).faults.length >= payloads.length);
  await visit("schedule", page.locator(".calendar"));
  await visit("", page.getByRole("alert").nth(payloads.length - 1));
  await photograph("faults");

  // The address itself.
  const kinds = ["graphs", "runs", "services", "schedule", "tables", "tables/shop", "services/shop?with", "?q", ""];
  for (const [i, payload] of payloads.entries()) { // three kinds each, so that each kind meets many
    for (const kind of [0, 1, 2].map((k) => kinds[(3 * i + k + Math.floor(i / 3)) % kinds.length])) {
      await page.evaluate((hash) => { window.location.hash = hash; }, `#/${kind}/${encodeURIComponent(payload)}`);
      await page.evaluate((hash) => { window.location.hash = hash; }, `#/${kind}/${payload}`);
    }
  }
  await overview();
  for (const payload of payloads.slice(0, 12)) {
    await searchFor(payload);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" }); // a key that comes before it is gone is lost with it
  }
  assert.deepEqual(executed, []);
  assert.deepEqual(elsewhere, []);
});

test("the dashboard's own code writes text, never HTML or styles", () => {
  for (const name of fs.readdirSync(path.join(source, "dashboard/src"))) {
    if (name === "licenses.txt") continue;
    const text = fs.readFileSync(path.join(source, "dashboard/src", name), "utf8").replace('xmlns="http://www.w3.org/2000/svg"', "");
    assert.doesNotMatch(text, /innerHTML|insertAdjacentHTML|document\.write|\bstyle=|https?:\/\//, name);
  }
});

test("no other host was asked for anything, no script failed, and no policy was broken", () => {
  assert.deepEqual(executed, []);
  assert.deepEqual(elsewhere, []);
});
