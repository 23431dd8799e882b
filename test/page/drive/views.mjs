import { mkdirSync } from "node:fs";
import { join } from "node:path";

// What the views show.

export default ({ page, context, problems, requests, sleep, open, transferred }) => {
return {
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
};
};
