// Drives the page in Chromium. Usage: node drive.mjs SCENARIO LINK [ARG…]; the result is
// printed as JSON. Environment: CHROMIUM, PLAYWRIGHT_CORE, PROFILE_DIR.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

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
const rowsPainted = () =>
  page.evaluate(() => {
    const rows = [...document.querySelectorAll(".grid-row")].filter((r) => {
      const host = r.closest(".grid-host").getBoundingClientRect();
      const box = r.getBoundingClientRect();
      return box.top >= host.top && box.bottom <= host.bottom && !r.classList.contains("empty");
    });
    return {
      visible: rows.length,
      unpainted: rows.filter((r) => r.classList.contains("waiting") || !r.querySelector(".c-number")?.textContent).length,
      first: rows[0]?.querySelector(".c-number")?.textContent ?? "",
      last: rows.at(-1)?.querySelector(".c-number")?.textContent ?? "",
    };
  });

async function open() {
  await page.goto(link);
  await page.waitForSelector(".grid-row .c-number");
  await page.waitForFunction(() => [...document.querySelectorAll(".grid-row .c-number")].some((c) => c.textContent));
}

// frames records the time between animation frames while work runs, and in every frame
// how many visible rows were not painted.
async function frames(ms, work) {
  await page.evaluate(() => {
    const f = { deltas: [], blank: 0, checked: 0, on: true };
    window.__frames = f;
    let last = performance.now();
    const tick = (now) => {
      f.deltas.push(now - last);
      last = now;
      if (f.deltas.length % 4 === 0) {
        const rows = document.querySelectorAll(".grid-row:not(.empty)");
        f.checked++;
        let blank = rows.length === 0 ? 1 : 0;
        for (const r of rows) if (!r.firstElementChild?.textContent) blank++;
        if (blank > 0) f.blank++;
      }
      if (f.on) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  const end = Date.now() + ms;
  if (work) while (Date.now() < end) await work();
  else await sleep(ms);
  return page.evaluate(() => {
    const f = window.__frames;
    f.on = false;
    const d = f.deltas.slice(2).sort((a, b) => a - b);
    const total = d.reduce((a, b) => a + b, 0);
    const expected = total / (1000 / 60);
    return {
      frames: d.length,
      p50: d[Math.floor(d.length / 2)],
      p95: d[Math.floor(d.length * 0.95)],
      max: d.at(-1),
      dropped: Math.max(0, 1 - d.length / expected),
      blankShare: f.blank / Math.max(1, f.checked),
      checked: f.checked,
    };
  });
}

const scenarios = {
  async screenshots(dir) {
    mkdirSync(dir, { recursive: true });
    await open();
    await sleep(2500);
    const shot = (name) => page.screenshot({ path: join(dir, `${name}.png`) });
    await shot("1-packets-following");
    await page.locator(".grid-host").click({ position: { x: 300, y: 90 } });
    await page.waitForSelector(".tree .node");
    await page.locator(".tree .node", { hasText: "Source port" }).first().click();
    await shot("1-packets-selected");
    await page.keyboard.press("Escape");
    await page.locator("#filter").fill("tcp.port == 443 && ip.adr == 10.0.0.1");
    await sleep(400);
    await shot("1-packets-filter-problem");
    await page.locator("#filter").fill("tcp.fl");
    await sleep(400);
    await shot("1-packets-completion");
    await page.locator("#filter").fill("");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.locator("nav .tab").nth(1).click();
    await sleep(1200);
    await shot("4-statistics");
    await page.locator("nav .tab").last().click();
    await sleep(500);
    await page.locator(".buttons button[aria-expanded]").last().click();
    await shot("6-captures");
    await page.keyboard.press("?");
    await sleep(200);
    await shot("help");
    await page.keyboard.press("Escape");
    await page.locator(".icon.lang").click();
    await page.locator("button[aria-label*='claro']").click();
    await page.locator("nav .tab").first().click();
    await page.keyboard.press("Escape");
    await sleep(1000);
    await shot("1-packets-light-pt");
    await page.locator(".grid-host").click({ position: { x: 300, y: 90 } });
    await page.waitForSelector(".tree .node");
    await shot("1-packets-selected-light-pt");
    await page.locator("nav .tab").nth(1).click();
    await sleep(1200);
    await shot("4-statistics-light-pt");
    return { problems };
  },
};

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
