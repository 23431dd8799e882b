// Drives the page in Chromium. Usage: node drive.mjs SCENARIO LINK [ARG…]; the result is
// printed as JSON. Environment: CHROMIUM, PLAYWRIGHT_CORE, PROFILE_DIR.
import { createRequire } from "node:module";

const core = process.env.PLAYWRIGHT_CORE;
const { chromium } = createRequire(import.meta.url)(core);
const [scenario, link, ...args] = process.argv.slice(2);
const origin = new URL(link).origin;

const context = await chromium.launchPersistentContext(process.env.PROFILE_DIR, {
  executablePath: process.env.CHROMIUM,
  headless: true,
  viewport: { width: 1280, height: 720 },
  locale: "en-GB",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const page = await context.newPage();
const problems = [];
const requests = [];
let transferred = 0;
page.on("dialog", (d) => {
  problems.push(`dialog: ${d.message()}`);
  d.dismiss();
});
page.on("pageerror", (e) => problems.push(`error: ${e.message}`));
page.on("console", (m) => {
  if (m.type() === "error") problems.push(`console: ${m.text()}`);
});
context.on("request", (r) => {
  requests.push(r.url());
  const u = new URL(r.url());
  if (u.origin !== origin && !["data:", "blob:"].includes(u.protocol)) problems.push(`external request: ${r.url()}`);
});
page.on("requestfinished", async (r) => {
  const s = await r.sizes().catch(() => null);
  if (s) transferred += s.responseBodySize;
});

const sleep = (ms) => page.waitForTimeout(ms);
async function open() {
  await page.goto(link);
  await page.waitForSelector(".grid-row .c-number");
  await page.waitForFunction(() => [...document.querySelectorAll(".grid-row .c-number")].some((c) => c.textContent));
}

const at = { page, context, problems, requests, sleep, open, transferred: () => transferred };
const scenarios = {};
for (const part of ["views", "use", "frames", "keys", "archive", "header", "golden"])
  Object.assign(scenarios, (await import(`./drive/${part}.mjs`)).default(at));

let code = 0;
try {
  const result = await scenarios[scenario](...args);
  process.stdout.write(JSON.stringify(result));
} catch (e) {
  process.stderr.write(`${e.stack}\nproblems: ${JSON.stringify(problems)}\n`);
  code = 1;
}
await context.close();
process.exit(code);
