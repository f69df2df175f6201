// The dashboard in a real browser, against a real busker up with real runs.
//
//   node --test tests/dashboard_test.mjs       BUSKER_BUILD: where busker is (build/release)
//
// Each page is also photographed, light and dark, into build/screenshots/.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(path.join(source, "dashboard", "package.json"));
const { chromium } = require("playwright-core");
const busker = path.join(path.resolve(process.env.BUSKER_BUILD ?? path.join(source, "build/release")), "busker");
const pictures = path.join(source, "build", "screenshots");

const payloads = [
  "<script>window.hit=1</script>",
  "<img src=x onerror=window.hit=1>",
  "<svg onload=window.hit=1>",
  "\"><script>window.hit=1</script>",
  "'><img src=x onerror=window.hit=1>",
  "javascript:window.hit=1",
  "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
  "<a href=javascript:window.hit=1>x</a>",
  "{{constructor.constructor('window.hit=1')()}}",
  "${window.hit=1}",
  "<style>@import 'javascript:window.hit=1'</style>",
  "<math><mi xlink:href=data:text/html,<script>window.hit=1</script>>",
  "\u202e<script>window.hit=1</script>",
  "\u001b]8;;javascript:window.hit=1\u0007x\u001b]8;;\u0007",
];

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
  "configs/training.sh": "echo step 1\nuntil test -e GATE; do sleep 0.05; done\necho step 2\necho m > output/model.txt\n" +
    "test -e AUC && auc=$(cat AUC) || auc=0.8\necho \"{\\\"auc\\\": $auc}\" > output/metrics.json\n",
  "configs/application.sh": "printf 'player_id,label\\n1,true\\n2,false\\n' > output/predictions.csv\n",
  "scheduler/configs/nightly.json": JSON.stringify({
    graph: { dag_id: "nightly", schedule_interval: "30 2 * * *", default_args: { retries: 0 } },
    tasks: [
      { name: "fetch", code: "echo fetching; echo x >> WITNESS" },
      { name: "load", code: "test -e OK || { echo 'no such column: basket_size' >&2; exit 3; }" },
      { name: "report", code: "echo reported" },
    ],
    dependencies: [["load", "fetch"], ["report", "load"]],
  }),
};

let folder, daemon, link, browser, page;
const elsewhere = [];

function say(...words) {
  return execFileSync(busker, [...words, "-C", folder], { encoding: "utf8" }).trim();
}

async function photograph(name) {
  fs.mkdirSync(pictures, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`), fullPage: true });
  }
}

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "busker-test-"));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name),
      text.replaceAll("WITNESS", path.join(folder, "witness")).replaceAll("OK", path.join(folder, "ok"))
        .replaceAll("AUC", path.join(folder, "auc")).replaceAll("GATE", path.join(folder, "gate")));
  }
  fs.chmodSync(path.join(folder, "model.sh"), 0o755);
  daemon = spawn(busker, ["up", folder], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve, reject) => {
    let text = "";
    daemon.stdout.on("data", (bytes) => {
      text += bytes;
      if (/dashboard: http:\S+ /.test(text)) resolve();
    });
    setTimeout(() => reject(new Error(`no dashboard in: ${text}`)), 20_000).unref();
  });
  link = say("token", "link");
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: false });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== new URL(link).origin) elsewhere.push(request.url());
  });
  page.on("pageerror", (error) => elsewhere.push(`error in the page: ${error}`));
  page.on("dialog", (dialog) => void dialog.accept());
});

after(async () => {
  await browser?.close();
  daemon?.kill("SIGTERM");
  await new Promise((resolve) => (daemon ? daemon.on("exit", resolve) : resolve()));
  fs.rmSync(folder, { recursive: true, force: true });
});

test("without a session there is a page that says what to do, and nothing else", async () => {
  const answer = await page.goto(`${new URL(link).origin}/`);
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
  await page.goto(`${new URL(link).origin}/#/graphs/nightly`);
  await page.getByText("It never ran.").waitFor();
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
  await page.goto(`${new URL(link).origin}/#/graphs/shop:training`);
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
  await page.goto(`${new URL(link).origin}/#/services/shop`);
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

test("nothing that a program writes is more than text", async () => {
  fs.writeFileSync(path.join(folder, "configs/application.sh"),
    `cat <<'PAYLOADS'\n${payloads.join("\n")}\nPAYLOADS\necho '${payloads[0]}' >&2\nexit 5\n`);
  await page.goto(`${new URL(link).origin}/#/graphs/shop:application`);
  await page.getByRole("button", { name: "Run now" }).click();
  await page.locator(".log", { hasText: "<svg onload=window.hit=1>" }).waitFor();
  await page.getByRole("button", { name: /Retry/ }).waitFor();
  assert.equal(await page.locator("p", { hasText: "<script>window.hit=1</script>" }).first().count(), 1, "its last words are shown");
  await page.goto(`${new URL(link).origin}/#/`);
  await page.getByRole("link", { name: "shop/training" }).waitFor();
  assert.equal(await page.evaluate(() => window.hit), undefined);
  await photograph("overview");
});

test("a phone has it, too, without scrolling sideways", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.getByRole("link", { name: "shop/training" }).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  await photograph("phone");
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("the dashboard's own code writes text, never HTML or styles", () => {
  for (const name of fs.readdirSync(path.join(source, "dashboard/src"))) {
    const text = fs.readFileSync(path.join(source, "dashboard/src", name), "utf8");
    assert.doesNotMatch(text, /innerHTML|insertAdjacentHTML|document\.write|\bstyle=|https?:\/\//, name);
  }
});

test("no other host was asked for anything, and no script failed", () => {
  assert.deepEqual(elsewhere, []);
});
