// A real busker up over files of one's own, and a real browser before it: for dashboard_test.mjs, and for
// script/pictures.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import net from "node:net";
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

// A port that nobody has now.
export const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

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
  // One that is started again has the same address: a port that is free now.
  const port = await freePort();
  write(".busker/daemon.toml", `[http]\nlisten = "127.0.0.1:${port}"\n`);
  await prepare(folder);
  let daemon = null;
  const start = async () => {
    daemon = spawn(busker, ["up", folder], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve, reject) => {
      let text = "";
      daemon.stdout.on("data", (bytes) => {
        text += bytes;
        if (/dashboard: http:\S+ /.test(text)) resolve();
      });
      setTimeout(() => reject(new Error(`no dashboard in: ${text}`)), 60_000).unref();
    });
  };
  const stop = async () => {
    daemon.kill("SIGTERM");
    await new Promise((resolve) => (daemon.exitCode === null ? daemon.on("exit", resolve) : resolve()));
  };
  await start();
  const say = (...words) => execFileSync(busker, [...words, "-C", folder], { encoding: "utf8" }).trim();
  const link = say("token", "link");
  const origin = new URL(link).origin;
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const newContext = (more) => browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: false, ...more });
  const context = await newContext(options);
  // Pages that were bundled since busker was built.
  for (const name of process.env.BUSKER_PAGE ? ["app.js", "app.css"] : []) {
    await context.route(`**/${name}`, (route) => route.fulfill({ path: path.join(process.env.BUSKER_PAGE, name) }));
  }
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.LIMIT ?? 20_000));
  const close = async () => {
    await browser.close();
    await stop();
    fs.rmSync(folder, { recursive: true, force: true });
  };
  const pidOf = () => daemon.pid;
  return { folder, write, say, link, origin, page, context, newContext, start, stop, close, pidOf };
}
