// A real busker up over files of one's own, and a real browser before it: for dashboard_test.mjs, and for
// script/pictures.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import net from "node:net";
import { test as nodeTest } from "node:test";
import { fileURLToPath } from "node:url";

export const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(path.join(source, "dashboard", "package.json"));
const { chromium } = require("playwright-core");
export const busker = path.join(path.resolve(process.env.BUSKER_BUILD ?? path.join(source, "build/release")), "busker");

// What axe finds wrong with the page for those who do not see it, or do not see it well.
export async function faultsOfAccess(page) {
  const session = await page.context().newCDPSession(page);  // the page's own policy lets no script in
  await session.send("Runtime.evaluate", { expression: fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8") });
  const { result } = await session.send("Runtime.evaluate", { expression: "axe.run().then((found) => JSON.stringify(found.violations))", awaitPromise: true });
  await session.detach();
  return JSON.parse(result.value).map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" ")}`);
}

// Nothing has to happen soon: a page on a slow machine is waited for as long as this.
const limit = Number(process.env.LIMIT ?? 60_000);

// Until it is so; else the test fails with those words.
export async function until(what, condition) {
  for (const end = Date.now() + limit; !(await condition());) {
    if (Date.now() > end) throw new Error(`${what}: not within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// A port that nobody has, nor will be given: the kernel's own choice begins above these. Never one twice.
let port = 10_000 + Math.floor(20_000 * Math.random());
export async function freePort() {
  for (;;) {
    port = port === 29_999 ? 10_000 : port + 1;
    const server = net.createServer();
    const isFree = await new Promise((resolve) => server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)));
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

const opened = [];

// What a page shows and where it is, for who wonders why something did not come.
async function pictureOf(page) {
  const text = await Promise.race([page.evaluate(() => document.body.innerText), new Promise((resolve) => setTimeout(resolve, 5000, "(it does not answer)").unref())]).catch((fault) => `(${fault.message})`);
  return `${page.url()} shows:\n${text.slice(0, 4000).replace(/^/gm, "  | ")}`;
}

// A test which, when it fails, also tells what all pages show; a dashboard that it opened is closed behind it.
export function test(name, body) {
  return nodeTest(name, async (t) => {
    const before = opened.length;
    try {
      await body(t);
    } catch (fault) {
      for (const page of opened.flatMap((dashboard) => dashboard.browser.contexts().flatMap((context) => context.pages()))) fault.message += `\n${await pictureOf(page)}`;
      throw fault;
    } finally {
      for (const dashboard of opened.splice(before)) await dashboard.close();
    }
  });
}

// FOLDER in a text is where the files are. Files that end in .sh are programs. `prepare` is called with the folder before
// busker is there.
export async function openDashboard(files, { prepare = () => {}, ...options } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "busker-test-"));
  const write = (name, text) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text.replaceAll("FOLDER", folder), { mode: name.endsWith(".sh") ? 0o755 : 0o644 });
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  // One that is started again has the same address.
  write(".busker/daemon.toml", `[http]\nlisten = "127.0.0.1:${await freePort()}"\n`);
  await prepare(folder);
  let daemon = null, browser = null;
  const start = async () => {
    daemon = spawn(busker, ["up", folder], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    await new Promise((resolve, reject) => {
      daemon.stdout.on("data", (bytes) => {
        text += bytes;
        if (/dashboard: http:\S+ /.test(text)) resolve();
      });
      daemon.once("exit", (code) => reject(new Error(`busker up ended with ${code}: ${text}`)));
      setTimeout(() => reject(new Error(`no dashboard in: ${text}`)), limit).unref();
    });
  };
  const stop = async () => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    daemon.kill("SIGTERM");
    await new Promise((resolve) => daemon.once("exit", resolve));
  };
  const close = async () => {
    await browser?.close();
    await stop();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }); // what runs may write yet
  };
  try {
    await start();
    const say = (...words) => execFileSync(busker, [...words, "-C", folder], { encoding: "utf8" }).trim();
    const link = say("token", "link");
    const origin = new URL(link).origin;
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"], timeout: 2 * limit });
    const newContext = async (more) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: false, reducedMotion: "reduce", ...more });
      context.setDefaultTimeout(limit);
      return context;
    };
    const context = await newContext(options);
    // Pages that were bundled since busker was built.
    for (const name of process.env.BUSKER_PAGE ? ["app.js", "app.css"] : []) {
      await context.route(`**/${name}`, (route) => route.fulfill({ path: path.join(process.env.BUSKER_PAGE, name) }));
    }
    const page = await context.newPage();
    const dashboard = { folder, write, say, link, origin, browser, page, context, newContext, start, stop, close, pidOf: () => daemon.pid };
    opened.push(dashboard);
    return dashboard;
  } catch (fault) {
    await close();
    throw fault;
  }
}
