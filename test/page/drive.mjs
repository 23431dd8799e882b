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
    await page.locator("nav .tab", { hasText: "Statistics" }).click();
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
    await page.locator("nav .tab", { hasText: "Estat" }).click();
    await sleep(1200);
    await shot("4-statistics-light-pt");
    return { problems };
  },
};

Object.assign(scenarios, {
  // The list follows, then is scrolled about, while packets come.
  async live(seconds) {
    const ms = 1000 * Number(seconds);
    await open();
    await sleep(1500);
    const following = await frames(ms);
    const end = await rowsPainted();
    await page.locator(".grid-host").hover();
    const scrolling = await frames(ms, async () => {
      await page.mouse.wheel(0, Math.random() < 0.7 ? -900 : 700);
      await sleep(40);
    });
    await sleep(300);
    const settled = await rowsPainted();
    const paused = await page.locator(".follow").getAttribute("aria-pressed");
    const box = await page.locator(".grid-bar").boundingBox();
    const jumps = [];
    for (const share of [0.1, 0.9, 0.5, 0.02, 0.7]) {
      const t = Date.now();
      await page.mouse.click(box.x + box.width / 2, box.y + box.height * share);
      await page.waitForFunction(() => {
        const rows = [...document.querySelectorAll(".grid-row:not(.empty)")];
        return rows.length > 5 && rows.every((r) => r.firstElementChild.textContent);
      });
      jumps.push(Date.now() - t);
    }
    return { following, end, scrolling, settled, paused, jumps, problems };
  },

  // Nothing moves under a reader who has selected a packet.
  async stable(seconds) {
    await open();
    await sleep(800);
    await page.locator(".grid-host").click({ position: { x: 300, y: 90 } });
    await page.waitForSelector(".tree .node");
    const look = () =>
      page.evaluate(() => ({
        rows: [...document.querySelectorAll(".grid-row:not(.empty)")].slice(0, 8).map((r) => r.textContent),
        selected: document.querySelector(".grid-row.selected")?.textContent,
        tree: document.querySelector(".tree").textContent,
        hex: document.querySelector(".hex").textContent,
      }));
    const first = JSON.stringify(await look());
    const total = () => page.evaluate(() => document.querySelector(".foot b").textContent);
    const before = await total();
    let changes = 0;
    for (let i = 0; i < 4 * Number(seconds); i++) {
      await sleep(250);
      if (JSON.stringify(await look()) !== first) changes++;
    }
    const fresh = await page.locator(".toolbar .link").textContent();
    return { changes, before, after: await total(), fresh, problems };
  },

  // Streams, flows and findings of a stored capture.
  async analysis(dir) {
    await open();
    const shot = async (name) => dir && (await page.screenshot({ path: join(dir, `${name}.png`) }));
    if (dir) mkdirSync(dir, { recursive: true });
    await page.locator("nav .tab", { hasText: "Flows" }).click();
    await page.waitForSelector(".flows tbody tr");
    const flows = await page.locator(".flows tbody tr").count();
    await shot("3-flows");
    await page.locator(".flows tbody tr button", { hasText: "Follow" }).first().click();
    await page.waitForSelector(".talk .piece");
    const pieces = await page.locator(".talk .piece").count();
    await shot("2-streams");
    await page.locator("nav .tab", { hasText: "Findings" }).click();
    await sleep(800);
    const findings = await page.locator(".findings tbody tr").count();
    await shot("5-findings");
    if (findings > 0) {
      await page.locator(".evidence button").first().click();
      await page.waitForSelector(".tree .node");
    }
    const filtered = await page.evaluate(async () => {
      const id = (await (await fetch("/api/v1/captures")).json())[0].id;
      const r = await fetch(`/api/v1/captures/${id}/export?format=json&filter=tcp`);
      const lines = (await r.text()).trim().split("\n").length;
      const n = (await (await fetch(`/api/v1/captures/${id}/count?filter=tcp`)).json()).count;
      return { lines, n };
    });
    return { flows, pieces, findings, filtered, problems };
  },

  // Looks at every packet of a capture, and at what else the page shows of it.
  async hostile() {
    await open();
    await page.evaluate(() => {
      window.__violations = [];
      document.addEventListener("securitypolicyviolation", (e) => window.__violations.push(`${e.violatedDirective} ${e.blockedURI}`));
    });
    let last = "";
    let seen = 0;
    for (let i = 0; i < 400; i++) {
      await page.keyboard.press(i === 0 ? "g" : "j");
      await page.waitForFunction((was) => {
        const now = document.querySelector(".detail-bar strong")?.textContent;
        return now && now !== was;
      }, last, { timeout: 1500 }).catch(() => {});
      const now = await page.locator(".detail-bar strong").textContent();
      if (now === last) break;
      last = now;
      seen++;
    }
    const bytes = await page.evaluate(async () => {
      const n = document.querySelector(".detail-bar strong").textContent.slice(1);
      const id = new URL(document.querySelector(".detail-bar a").href).pathname.split("/")[4];
      const d = await (await fetch(`/api/v1/captures/${id}/packets/${n}`)).json();
      const shown = [...document.querySelectorAll(".hexrow .bytes b")].map((b) => b.textContent).join("");
      return { equal: shown === d.data, length: d.data.length / 2 };
    });
    for (let i = 0; i < (await page.locator("nav .tab").count()); i++) {
      await page.locator("nav .tab").nth(i).click();
      await sleep(400);
    }
    await page.locator("#filter").fill("<img src=x onerror=alert(1)>");
    await page.keyboard.press("Enter");
    await sleep(300);
    const violations = await page.evaluate(() => window.__violations);
    const injected = await page.evaluate(() => document.querySelectorAll("#app img, #app script, #app iframe, #app object").length);
    return { seen, bytes, violations, injected, problems: problems.filter((p) => !p.includes("status of 400")) };
  },

  // axe-core over each view, in each theme and language.
  async axe(source) {
    const axe = readFileSync(source, "utf8");
    await open();
    await page.evaluate(axe);
    const findings = [];
    const check = async (where) => {
      const r = await page.evaluate(async () => {
        const r = await window.axe.run(document, { resultTypes: ["violations"] });
        return r.violations
          .filter((v) => v.impact === "serious" || v.impact === "critical")
          .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
      });
      for (const v of r) findings.push(`${where}: ${v}`);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll("header *, .filterbar *, .toolbar *, .foot *, .detail-bar *, th, h2, .dialog *")]
          .filter((e) => e.children.length === 0 && e.textContent.trim() && !e.closest(".sr") && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
          .map((e) => `${e.className || e.tagName}: ${e.textContent}`),
      );
      for (const c of cut) findings.push(`${where}: cut off: ${c}`);
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth || document.querySelector(".foot").scrollWidth > innerWidth || document.querySelector(".top").scrollWidth > innerWidth))
        findings.push(`${where}: wider than the window`);
    };
    for (const theme of ["dark", "light"]) {
      for (const language of ["en", "pt-BR"]) {
        await page.evaluate(([t, l]) => {
          localStorage.setItem("tarrafa.theme", t);
          localStorage.setItem("tarrafa.language", l);
        }, [theme, language]);
        await page.reload();
        await page.waitForFunction(() => [...document.querySelectorAll(".grid-row .c-number")].some((c) => c.textContent));
        await page.evaluate(axe);
        await sleep(600);
        const tabs = page.locator("nav .tab");
        for (let i = 0; i < (await tabs.count()); i++) {
          await tabs.nth(i).click();
          await sleep(500);
          await check(`${theme} ${language} view ${i + 1}`);
        }
        await tabs.first().click();
        await page.locator(".grid-host").click({ position: { x: 300, y: 90 } });
        await page.waitForSelector(".tree .node");
        await check(`${theme} ${language} details`);
        await page.keyboard.press("?");
        await check(`${theme} ${language} help`);
        await page.keyboard.press("Escape");
        await page.keyboard.press("e");
        await check(`${theme} ${language} export`);
        await page.keyboard.press("Escape");
      }
    }
    return { findings, problems };
  },

  // What the first visit costs.
  async load() {
    const start = Date.now();
    await open();
    const ready = Date.now() - start;
    await sleep(500);
    return { ready, transferred, requests: requests.length, problems };
  },

  // Everything that the mouse does, by keyboard alone.
  async keyboard() {
    const steps = {};
    await open();
    await sleep(500);
    const has = async (name, f) => {
      await sleep(250);
      steps[name] = Boolean(await f());
    };
    await page.keyboard.press("Space");
    await has("pause", () => page.locator(".follow[aria-pressed=false]").count());
    await page.keyboard.press("G");
    await has("follow", () => page.locator(".follow[aria-pressed=true]").count());
    await page.keyboard.press("g");
    await has("first", () => page.locator(".detail-bar strong", { hasText: /^#1$/ }).count());
    await page.keyboard.press("j");
    await has("next", () => page.locator(".detail-bar strong", { hasText: /^#2$/ }).count());
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    await has("tree", () => page.locator(".tree .chosen").count());
    await page.keyboard.press("F6");
    await has("pane", () => page.evaluate(() => document.activeElement.dataset.pane === "hex"));
    await page.keyboard.press("Control+g");
    await page.keyboard.type("500");
    await page.keyboard.press("Enter");
    await has("goto", () => page.locator(".detail-bar strong", { hasText: /^#500$/ }).count());
    await page.keyboard.press("/");
    await page.keyboard.type("udp");
    await page.keyboard.press("Enter");
    await has("filter", () => page.evaluate(() => document.querySelector(".foot .shown") !== null));
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.keyboard.press("2");
    await has("view", () => page.locator("nav .tab[aria-current=page]", { hasText: "2" }).count());
    await page.keyboard.press("?");
    await has("help", () => page.locator("#help-title").count());
    await page.keyboard.press("Escape");
    await has("back", async () => (await page.locator("#help-title").count()) === 0);
    return { steps, problems };
  },
});

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
