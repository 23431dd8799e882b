import { mkdirSync } from "node:fs";
import { join } from "node:path";

// What the views show.

export default ({ page, context, problems, requests, sleep, open, transferred }) => {
  return {
    // A running capture, following.
    async running(dir) {
      mkdirSync(dir, { recursive: true });
      await open();
      await sleep(4000);
      await page.screenshot({ path: join(dir, "packets-live.png") });
      return { problems };
    },

    // Each view of a stored capture, in a theme and a language. It is told in story.go.
    async screenshots(dir, theme, language) {
      mkdirSync(dir, { recursive: true });
      await page.addInitScript(
        ([t, l]) => {
          localStorage.setItem("tarrafa.theme", t);
          localStorage.setItem("tarrafa.language", l);
        },
        [theme, language],
      );
      await open();
      const shot = async (name) => {
        await sleep(700);
        await page.screenshot({ path: join(dir, `${name}.png`) });
      };
      const press = async (...keys) => {
        for (const k of keys) await page.keyboard.press(k);
      };
      const goto = async (n) => {
        await press("Control+g");
        await page.keyboard.type(String(n));
        await press("Enter");
        await page.waitForFunction((n) => document.querySelector(".detail-bar strong")?.textContent === `#${n}`, n);
      };
      await press("3");
      await page.waitForSelector(".flows tbody tr");
      await shot("flows");
      await press("1");
      await goto(9);
      await press("m");
      await goto(6);
      await press("m", "c");
      await page.waitForSelector("#comment-title");
      if (!(await page.locator("textarea").inputValue())) await page.keyboard.type("The page is asked for here");
      await shot("comment");
      await press("Enter");
      await page.waitForSelector(".comments");
      await page
        .locator(".tree .node", { hasText: /Destination port|Porta de destino/ })
        .first()
        .click();
      await shot("packets");
      await press("Control+f");
      await page.keyboard.type("nothing inside");
      await press("Enter");
      await page.waitForSelector(".hexrow .on");
      await shot("search");
      await press("Escape");
      await press("f");
      await page.waitForSelector(".talk .piece");
      await shot("streams");
      await press("4");
      await page.waitForSelector(".quantiles");
      await shot("statistics");
      await page.locator(".statistics").evaluate((e) => e.scrollTo(0, e.scrollHeight));
      await shot("statistics-below");
      await press("5");
      await page.waitForSelector(".findings tbody tr");
      await shot("findings");
      await press("6");
      await page.waitForSelector(".captures tbody tr");
      await page.locator(".captures .mark").first().click();
      await page.locator(".buttons button[aria-expanded]").last().click();
      await shot("captures");
      await press("e");
      await shot("export");
      await press("Escape", "?");
      await shot("help");
      await press("Escape", "/");
      await page.locator("#filter").fill("tcp.port == 443 && ip.adr == 10.0.0.1");
      await shot("filter-problem");
      await page.locator("#filter").fill("tcp.fl");
      await shot("filter-completion");
      return { problems };
    },

    // Names, health, endpoints and sharkd's tree of the capture that story.go tells.
    async story(dissector) {
      await open();
      const text = (selector, has, timeout = 8000) =>
        page
          .locator(selector, { hasText: has })
          .first()
          .waitFor({ timeout })
          .then(() => true)
          .catch(() => false);
      const steps = {};
      steps["a flow's name by itself"] = await text(".grid-row .c-info", "GET / · www.example.org");
      steps["names beside addresses"] = await text(".grid-row .c-destination", "192.0.2.10:80 www.example.org");
      steps["a question's name"] = await text(".grid-row .c-info", "DNS ? www.example.org");
      await page.locator(".toolbar .toggle").click();
      steps["names off"] = await page
        .waitForFunction(() => ![...document.querySelectorAll(".c-destination")].some((c) => c.textContent.includes("example")))
        .then(
          () => true,
          () => false,
        );
      await page.locator(".toolbar .toggle").click();
      await page.keyboard.press("3");
      steps.flows = await text(".flows td", "login.example.org");
      await page.locator(".flows .toggle").nth(1).click();
      steps.endpoints = await text(".flows td", "203.0.113.200");
      steps["names of endpoints"] = await text(".flows td", "api.example.net");
      await page.keyboard.press("1");
      steps["a flow's name"] = await text(".grid-row .c-info", "GET / · www.example.org");
      await page.keyboard.press("4");
      steps.health = await text(".card h2", "TCP health");
      const health = await page.evaluate(async () => {
        const id = (await (await fetch("/api/v1/captures")).json())[0].id;
        const h = await (await fetch(`/api/v1/captures/${id}/health`)).json();
        return { flags: Object.fromEntries(h.flags.map((f) => [f.name, f.packets])), resets: h.resets, rtt: h.rtt.count };
      });
      const shown = await page.evaluate(() =>
        Object.fromEntries(
          [...document.querySelectorAll(".card tr")]
            .filter((r) => r.querySelector("td"))
            .map((r) => [r.cells[0].textContent, Number(r.cells[1].textContent.replace(/\D/g, ""))]),
        ),
      );
      steps["health is what the server says"] =
        shown.retransmissions === health.flags.retransmission &&
        shown["zero windows"] === health.flags.zero_window &&
        shown.resets === health.resets &&
        health.flags.retransmission > 0;
      await page.locator(".card button.link", { hasText: "zero windows" }).click();
      steps["health leads to its packets"] = await text(".foot .shown", String(health.flags.zero_window));
      await page.keyboard.press("/");
      await page.locator("#filter").fill("");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Escape");
      if (dissector === "sharkd") {
        await page.keyboard.press("Control+g");
        await page.keyboard.type("6");
        await page.keyboard.press("Enter");
        await text(".detail-bar strong", "#6");
        await page.locator(".detail-bar select").first().selectOption("sharkd");
        steps["Wireshark's tree"] = await text(".tree .node", "Hypertext Transfer Protocol", 20000);
        await page
          .locator(".hexrow .bytes b")
          .nth(14 + 20 + 2)
          .click();
        steps["a byte leads to Wireshark's field"] = await text(".tree .chosen", "Destination Port: 80");
        await page.locator(".tree .node", { hasText: "Hypertext Transfer Protocol" }).first().click();
        steps["Wireshark's field leads to its bytes"] = await page.evaluate(() =>
          [...document.querySelectorAll(".hexrow .ascii b.on")]
            .map((b) => b.textContent)
            .join("")
            .startsWith("GET / HTTP/1.1"),
        );
        await page.locator(".detail-bar select").first().selectOption("own");
        steps["the own tree again"] = await text(".tree .node", "Internet Protocol version 4");
      }
      await page.keyboard.press("5");
      steps["findings in English"] = await text(".findings td", "Established connections to 192.0.2.10");
      await page.locator("button.lang").click();
      steps["findings in Portuguese"] = await text(".findings td", "Conexões estabelecidas com 192.0.2.10");
      await page.locator("button.lang").click();
      return { steps, health, problems };
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
        await page
          .waitForFunction(
            (was) => {
              const now = document.querySelector(".detail-bar strong")?.textContent;
              return now && now !== was;
            },
            last,
            { timeout: 1500 },
          )
          .catch(() => {});
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
