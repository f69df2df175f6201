// The dashboard in a real browser, against a real busker up with real runs.
//
//   node --test tests/dashboard_test.mjs       BUSKER_BUILD: where busker is (build/release)
//
// Each page is also photographed, light, dark and on a phone, into build/screenshots/.
import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { faultsOfAccess, openDashboard, source } from "./dashboard_harness.mjs";
import { inFileName, payloads } from "./dashboard_payloads.mjs";

const pictures = path.join(source, "build", "screenshots");

// What the actions do is in shell, so a test says it in a line. `application` fails until ok is there.
const files = {
  "busker.toml": `name = "shop"
version = "1"
[model]
command = "./model.sh \${ACTION}"
[actions.training]
schedule = "0 3 * * *"
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
    graph: { dag_id: "nightly", schedule_interval: "30 2 * * *", default_args: { retries: 0 } },
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
  const wider = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((each) => !each.closest(".scroll, .hidden") &&
    each.getBoundingClientRect().right > window.innerWidth + 1).map((each) => `${each.tagName} ${each.className} ${each.textContent.slice(0, 40)}`));
  assert.deepEqual(wider, [], `${name} fits a phone`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${name} fits a phone`);
  await page.setViewportSize({ width: 1280, height: 800 });
}

async function visit(hash, seen) {
  await page.goto(`${origin}/#/${hash}`);
  await seen.waitFor();
}

// Asks as a verb does: over the socket of the home, in the name of anybody.
function ask(message) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path.join(folder, ".busker", "socket"), () => socket.write(`${JSON.stringify(message)}\n`));
    let text = "";
    socket.setTimeout(20_000, () => reject(new Error("no answer over the socket")));
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
async function served(graph) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (!(await ask({ verb: "explain", what: graph })).error) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`${graph} is not served`);
}

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
  await page.getByText("busker token link").waitFor();
});

test("the link of busker token link opens the dashboard, once", async () => {
  await page.goto(link);
  await page.getByRole("link", { name: "shop/training" }).waitFor();
  await page.getByRole("link", { name: "nightly" }).waitFor();
  assert.ok(!page.url().includes("token="), "the secret does not stay in the address");
  const again = await fetch(link, { redirect: "manual" });
  assert.equal(again.status, 401);
});

test("run now turns green before one's eyes, and its log comes as it is written", async () => {
  await page.getByRole("row", { name: /shop\/training/ }).getByRole("button", { name: "Run now" }).click();
  await page.waitForURL(/#\/runs\//);
  await page.locator(".log", { hasText: "step 1" }).waitFor();
  assert.equal(await page.locator(".log", { hasText: "step 2" }).count(), 0, "it is there before the task has ended");
  fs.writeFileSync(path.join(folder, "gate"), "");
  await page.locator(".log", { hasText: "step 2" }).waitFor();
  await page.locator(".log", { hasText: "Well done." }).waitFor();
  await page.locator("section").first().locator("p .state.succeeded").waitFor();
  await photograph("run");
});

test("a failed run is taken up again from its failed task", async () => {
  await page.goto(`${origin}/#/graphs/nightly`);
  await page.getByText("It never ran. Run it now, or wait for its schedule.").waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("button", { name: /Retry/ }).waitFor();
  await page.locator(".log", { hasText: "no such column: basket_size" }).waitFor();
  await photograph("failed");
  fs.writeFileSync(path.join(folder, "ok"), "");
  await page.getByRole("button", { name: /Retry/ }).click();
  await page.locator("section").first().locator("p .state.succeeded").waitFor();
  assert.equal(fs.readFileSync(path.join(folder, "witness"), "utf8"), "x\n", "what had succeeded is not repeated");
});

test("a backfill shows its instants before it runs any", async () => {
  await page.goto(`${origin}/#/graphs/shop:training`);
  await page.getByLabel("From").fill("2026-03-28");
  await page.getByLabel("to", { exact: true }).fill("2026-03-30");
  await page.getByRole("button", { name: "Show what would run" }).click();
  await page.locator(".instants li").nth(2).waitFor();
  const instants = await page.locator(".instants li").allTextContents();
  assert.deepEqual(instants, ["2026-03-28T02:00:00Z: run", "2026-03-29T01:00:00Z: run", "2026-03-30T01:00:00Z: run"]);
  assert.equal(JSON.parse(say("runs", "--json", "-n", "100")).filter((run) => run.batch).length, 0);
  await photograph("graph");
});

test("a version is promoted, rolled back, and a delivery undone", async () => {
  fs.writeFileSync(path.join(folder, "auc"), "0.9");
  say("start", "training", "--key", "second");
  say("wait", "training", "--limit", "60s");
  await page.goto(`${origin}/#/services/shop`);
  await page.getByRole("button", { name: "Roll back" }).click();
  const live = page.locator("tbody tr", { has: page.locator(".badge") });
  await live.filter({ hasText: "0.8" }).waitFor();
  await page.locator("tbody tr", { hasText: "0.9" }).getByRole("button", { name: "Promote" }).click();
  await live.filter({ hasText: "0.9" }).waitFor();
  const models = JSON.parse(say("models", "--json"));
  assert.deepEqual(models.map((model) => [model.metrics.auc, model.live]), [[0.8, false], [0.9, true]]);
  await page.getByText("Nothing was delivered yet").waitFor();
  say("start", "application", "--key", "first");
  say("wait", "application", "--limit", "60s");
  await page.locator("tr", { hasText: "shop.predictions" }).waitFor();
  await photograph("service");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator("tr", { hasText: "undone" }).waitFor();
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
  assert.equal((await row.getByRole("cell").allTextContents()).filter((text) => / (ms|s|MB|KB)$/.test(text)).length, 7, "five phases, CPU and memory");
  const phases = await page.locator(".gantt rect").evaluateAll((rects) => [...new Set(rects.map((rect) => rect.classList[1]))]);
  assert.deepEqual(phases.sort(), ["computing", "loading", "saving", "starting", "waiting"]);
  await photograph("lineage");
  await steps.nth(1).getByRole("link", { name: /-/ }).click();
  await page.locator(".lineage h3", { hasText: "Applied by" }).waitFor();
});

test("a graph's page tells how long its runs took, and its coming instants", async () => {
  await visit("graphs/shop:training", page.getByRole("img", { name: /How long runs took/ }));
  assert.match(await page.locator("figcaption").textContent(), /^Median .* of the 2 that succeeded; the longest of 2 took /);
  const next = page.getByRole("table", { name: "Next instants" }).getByRole("row");
  await next.nth(1).waitFor();
  assert.equal(await next.count(), 9, "a head and eight of them");
  const first = JSON.parse(say("next", "training", "--count", "1", "--json"))[0];
  assert.equal(await next.nth(1).getByRole("rowheader").textContent(), first.utc);
  await photograph("graph-runs");
});

test("the schedule marks what the clocks move, repeat and skip, in the words of busker next", async () => {
  dashboard.write("scheduler/configs/clocks.json", JSON.stringify({
    graph: { dag_id: "clocks", schedule_interval: "30 2 * * *", timezone: "Europe/Stockholm" },
    tasks: [{ name: "a", code: "true" }], dependencies: [],
  }));
  dashboard.write("scheduler/configs/quarters.json", JSON.stringify({
    graph: { dag_id: "quarters", schedule_interval: "*/15 2 * * *", timezone: "Europe/Stockholm" },
    tasks: [{ name: "a", code: "true" }], dependencies: [],
  }));
  dashboard.write("scheduler/configs/often.json", JSON.stringify({
    graph: { dag_id: "often", schedule_interval: "* * * * *" }, tasks: [{ name: "a", code: "true" }], dependencies: [],
  }));
  for (const graph of ["clocks", "quarters", "often"]) await served(graph);
  say("pause", "often");
  const told = (from) => JSON.parse(say("next", "30 2 * * *", "--zone", "Europe/Stockholm", "--from", from, "--count", "1", "--json"))[0].note;
  const agenda = page.getByRole("table", { name: /What is scheduled on/ });
  await visit("schedule/2026-03-29", agenda.getByRole("row", { name: /quarters/ }));
  const cells = (graph) => agenda.getByRole("row").filter({ has: page.getByRole("link", { name: graph, exact: true }) }).locator("th, td").allTextContents();
  assert.deepEqual(await cells("clocks"), ["01:00", "clocks", told("2026-03-29"), "2026-03-29 03:00 +02:00", "2026-03-28"]);
  assert.deepEqual(await cells("quarters"), ["skipped", "quarters", "clocks go forward: 02:00, 02:15, 02:30 and 1 more do not exist", "", ""]);
  assert.deepEqual(await cells("often"), ["00:00 to 23:59", "often (paused)", "each minute, 1,440 times", "", ""]);
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
  await page.getByLabel("Days and clocks of").selectOption("Europe/Stockholm");
  await visit("schedule/2026-10-25", agenda.getByRole("row", { name: /runs once/ }));
  assert.equal(await agenda.getByRole("row").count(), 2);
  assert.deepEqual(await cells("clocks"), ["02:30", "clocks", told("2026-10-25"), "2026-10-25 02:30 +02:00", "2026-10-24"]);
  await visit("schedule/tomorrow", page.getByText('"tomorrow" is no month or day'));
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
  await photograph("overview");
});

test("more schedules than a page has are counted, and shown when asked for", async () => {
  const names = Array.from({ length: 230 }, (_, i) => `many-${1000 + i}`);
  const fileOf = (name) => path.join(folder, "scheduler/configs", `${name}.json`);
  for (const name of names) {
    dashboard.write(`scheduler/configs/${name}.json`, JSON.stringify({
      graph: { dag_id: name, schedule_interval: "0 5 * * *" }, tasks: [{ name: "a", code: "true" }], dependencies: [] }));
  }
  await served(names[229]);
  const agenda = page.getByRole("table", { name: /What is scheduled on/ });
  await visit("schedule/2027-05-12", agenda.getByRole("row").nth(200));
  assert.equal(await agenda.getByRole("row").count(), 201);
  await page.getByText("The first 200 schedules are named; the numbers are those of all.").waitFor();
  await page.getByRole("button", { name: "Show more of the 235 schedules" }).click();
  await agenda.getByRole("link", { name: names[229] }).waitFor();
  assert.equal(await agenda.getByRole("row").count(), 239, "a head, and 235 of which one runs four times");
  for (const name of names) fs.rmSync(fileOf(name));
  for (let tries = 0; tries < 200 && !(await ask({ verb: "explain", what: names[229] })).error; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

test("what needs a look stands first, and the log says who did what", async () => {
  dashboard.write("scheduler/configs/leaky.json", JSON.stringify({
    graph: { dag_id: "leaky", default_args: { retries: 0 } }, tasks: [{ name: "drip", code: "exit 7" }], dependencies: [],
  }));
  for (let tries = 0; !say("status", "--json").includes('"leaky"'); tries += 1) {
    assert.ok(tries < 100, "busker up sees the new file");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await ask({ verb: "start", graph: "leaky", by: "ada" });
  await visit("", page.getByRole("table", { name: "Needs a look" }).getByRole("row", { name: /leaky failed, and has not succeeded since/ }));
  await page.getByRole("table", { name: "What there is to run" }).getByRole("row", { name: /nightly/ }).waitFor();
  await photograph("needs-a-look");
  await visit("log", page.getByRole("row", { name: /ada run queued leaky/ }));
  assert.equal(await page.getByRole("row", { name: /busker run failed leaky/ }).count(), 0, "what follows by itself is not shown at first");
  await page.getByLabel("also what followed by itself").check();
  await page.getByRole("row", { name: /busker run failed leaky/ }).first().waitFor();
  const before = await page.locator("tbody tr").count();
  await page.getByRole("button", { name: "Show more" }).click();
  await page.locator("tbody tr").nth(before).waitFor();
  await page.getByLabel("also what followed by itself").uncheck();
  await page.getByRole("row", { name: /busker run failed leaky/ }).first().waitFor({ state: "detached" });
  await photograph("log");
  fs.rmSync(path.join(folder, "scheduler/configs/leaky.json"));
});

test("where there is nothing yet, each list says what to do", async () => {
  const empty = await openDashboard({ "notes/README": "nothing to run" });
  try {
    await empty.page.goto(empty.link);
    await empty.page.getByText("There is nothing to run here yet.").waitFor();
    await empty.page.getByRole("link", { name: "Schedule" }).click();
    await empty.page.getByText("Nothing is scheduled in these weeks.").waitFor();
    await empty.page.getByText("Nothing is scheduled on this day.").waitFor();
    assert.deepEqual(await faultsOfAccess(empty.page), []);
  } finally {
    await empty.close();
  }
});

test("the payloads do run where they are taken for HTML", async (t) => {
  const context = await dashboard.newContext();
  const ran = new Set();
  await context.exposeBinding("hit", (_, number) => void ran.add(number));
  await context.route("**/*", (route) => (route.request().url().startsWith("http") ? route.abort() : route.continue()));
  const victim = await context.newPage();
  for (const payload of payloads) {
    await victim.setContent(`<meta charset=utf-8><p>${payload}`, { waitUntil: "commit" });
    await victim.evaluate(() => new Promise((resolve) => setTimeout(resolve, 15)));
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
  const log = await page.locator(".log").textContent();
  // Escape sequences show nothing, and of what a carriage return starts anew the last is left.
  const onATerminal = (payload) => payload.split("\n")[0]
    .replace(/(?:\x1b\[|\x9b)[\x20-\x3f]*[\x40-\x7e]?|\x1b[\]PX^_][^\n\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[\x20-\x2f]*[\x30-\x7e]|[\x1b\x80-\x9f]/g, "")
    .trimEnd().split("\r").at(-1);
  for (const payload of payloads) assert.ok(log.includes(onATerminal(payload)), `the log shows ${JSON.stringify(payload)}`);
  await page.getByLabel("Search").fill(payloads[0]);
  await visit("services/shop", page.getByRole("columnheader", { name: payloads[0] }));
  assert.equal(await page.getByRole("figure").count(), payloads.length + 1, "a plot for each metric");

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
    await visit("services/shop", page.locator("p", { hasText: some[0].trim() }).first());
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
    if (i % 20 === 0) await page.locator("section").nth(1).locator("p", { hasText: shown }).first().waitFor();
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
    await visit("", page.getByRole("cell", { name: payload }).first());
    await visit("schedule", page.locator(".calendar"));
  }

  // Definitions that are at fault: their files' names, and what is said of them.
  payloads.forEach((payload, i) => dashboard.write(`scheduler/configs/${i} ${inFileName(payload)}.json`, JSON.stringify({
    graph: { dag_id: payload, owner: payload, [payload]: payload }, tasks: [{ name: payload, code: payload }], dependencies: [[payload, payload]],
  })));
  for (let tries = 0; tries < 200 && (await ask({ verb: "status" })).faults.length < payloads.length; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await visit("schedule", page.locator(".calendar"));
  await visit("", page.getByRole("alert").nth(payloads.length - 1));
  await photograph("faults");

  // The address itself.
  for (const payload of payloads) {
    for (const kind of ["graphs", "runs", "services", "schedule", ""]) {
      await page.evaluate((hash) => { window.location.hash = hash; }, `#/${kind}/${encodeURIComponent(payload)}`);
      await page.evaluate((hash) => { window.location.hash = hash; }, `#/${kind}/${payload}`);
    }
  }
  await overview();
  assert.deepEqual(executed, []);
  assert.deepEqual(elsewhere, []);
});

test("the dashboard's own code writes text, never HTML or styles", () => {
  for (const name of fs.readdirSync(path.join(source, "dashboard/src"))) {
    const text = fs.readFileSync(path.join(source, "dashboard/src", name), "utf8");
    assert.doesNotMatch(text, /innerHTML|insertAdjacentHTML|document\.write|\bstyle=|https?:\/\//, name);
  }
});

test("no other host was asked for anything, no script failed, and no policy was broken", () => {
  assert.deepEqual(executed, []);
  assert.deepEqual(elsewhere, []);
});
