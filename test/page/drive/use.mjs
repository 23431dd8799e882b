import { readFileSync } from "node:fs";

// Whether everybody can use the page, and how soon.

export default ({ page, context, problems, requests, sleep, open, transferred }) => {
  return {
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
            .map(
              (v) =>
                `${v.id}: ${v.nodes
                  .slice(0, 3)
                  .map((n) => n.html.slice(0, 160))
                  .join(" | ")}`,
            );
        });
        for (const v of r) findings.push(`${where}: ${v}`);
        const cut = await page.evaluate(() =>
          [...document.querySelectorAll("header *, .filterbar *, .toolbar *, .foot *, .detail-bar *, th, h2, .dialog *")]
            .filter(
              (e) =>
                e.children.length === 0 &&
                e.textContent.trim() &&
                !e.closest(".sr") &&
                e.clientWidth > 0 &&
                e.scrollWidth > e.clientWidth + 1,
            )
            .map((e) => `${e.className || e.tagName}: ${e.textContent}`),
        );
        for (const c of cut) findings.push(`${where}: cut off: ${c}`);
        const wide = await page.evaluate(() =>
          [...document.querySelectorAll(".toolbar, .detail-bar, .filterbar, .scroll, .dialog, .grid-head")]
            .filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
            .map((e) => `${e.className} by ${e.scrollWidth - e.clientWidth} pixels`),
        );
        for (const w of wide) findings.push(`${where}: too wide: ${w}`);
        if (
          await page.evaluate(
            () =>
              document.documentElement.scrollWidth > innerWidth ||
              document.querySelector(".foot").scrollWidth > innerWidth ||
              document.querySelector(".top").scrollWidth > innerWidth,
          )
        )
          findings.push(`${where}: wider than the window`);
      };
      for (const theme of ["dark", "light"]) {
        for (const language of ["en", "pt-BR"]) {
          await page.evaluate(
            ([t, l]) => {
              localStorage.setItem("tarrafa.theme", t);
              localStorage.setItem("tarrafa.language", l);
            },
            [theme, language],
          );
          await page.reload();
          await page.waitForFunction(() => [...document.querySelectorAll(".grid-row .c-number")].some((c) => c.textContent));
          await page.evaluate(axe);
          await sleep(600);
          const tabs = page.locator("nav .tab");
          const here = `${theme} ${language}`;
          for (let i = 0; i < (await tabs.count()); i++) {
            await tabs.nth(i).click();
            await sleep(600);
            await check(`${here} view ${i + 1}`);
          }
          const dialog = async (name, ...keys) => {
            for (const k of keys) await page.keyboard.press(k);
            await page.waitForSelector(".dialog");
            await check(`${here} ${name}`);
            await page.keyboard.press("Escape");
          };
          await page.locator(".buttons button", { hasText: "…" }).first().click();
          await dialog("export of a capture");
          await page.locator(".buttons .danger:not([disabled])").first().click();
          await dialog("delete");
          await tabs.first().click();
          await page.keyboard.press("Escape");
          await page.locator(".grid-host").click({ position: { x: 300, y: 130 } });
          await page.waitForSelector(".tree .node");
          await page.keyboard.press("Control+f");
          await page.locator("#search").fill("no such bytes");
          await page.keyboard.press("Enter");
          await sleep(400);
          await check(`${here} details and search`);
          await page.keyboard.press("Escape");
          await dialog("help", "?");
          await dialog("export", "e");
          await dialog("go to", "Control+g");
          await dialog("comment", "c");
          if ((await tabs.count()) === 6) {
            await page.keyboard.press("f");
            await page.waitForSelector(".talk .piece");
            await check(`${here} streams`);
            await page.keyboard.press("4");
            await page.waitForSelector(".quantiles");
            await check(`${here} TCP health`);
          }
          if (
            await page.evaluate(() =>
              fetch("/api/v1/session")
                .then((r) => r.json())
                .then((s) => Boolean(s.dissector)),
            )
          ) {
            await page.keyboard.press("1");
            await page.locator(".detail-bar select").first().selectOption("sharkd");
            await page.waitForFunction(() => !document.querySelector(".comments [role=status]"));
            await check(`${here} Wireshark's tree`);
            await page.locator(".detail-bar select").first().selectOption("own");
          }
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
      return { ready, transferred: transferred(), requests: requests.length, problems };
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
  };
};
