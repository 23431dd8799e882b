// What the page shows of captures, as it shows it: golden_test.go compares.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export default ({ page, problems, open }) => {
  const press = async (...keys) => {
    for (const k of keys) await page.keyboard.press(k);
  };

  async function show(name) {
    await press("6");
    const row = page.locator(".captures tbody tr", { has: page.locator("td.own", { hasText: name }) }).first();
    const button = row.locator(".buttons button").first();
    if (await button.isEnabled()) await button.click();
    else await press("1");
    await page.waitForFunction((n) => document.querySelector(".what strong")?.textContent === n, name);
    await page.waitForFunction(() => [...document.querySelectorAll(".grid-row .c-number")].some((c) => c.textContent));
  }

  async function goto(n) {
    await press("Control+g");
    await page.keyboard.type(String(n));
    await press("Enter");
    await page.waitForFunction(
      (n) =>
        document.querySelector(".detail-bar strong")?.textContent === `#${n}` &&
        document.querySelector(".grid-row.selected .c-number")?.textContent === String(n),
      n,
    );
  }

  // The row, the bytes and, with fields, every field of the tree with the bytes that it marks.
  const packet = (fields) =>
    page.evaluate(async (fields) => {
      const turn = () => new Promise((r) => setTimeout(r));
      const row = Object.fromEntries(
        [...document.querySelectorAll(".grid-row.selected > div")].map((d) => [d.className.slice(2), d.textContent]),
      );
      const bytes = () => [...document.querySelectorAll(".hexrow .bytes b")];
      const out = {
        row,
        hex: bytes()
          .map((b) => b.textContent)
          .join(""),
        hash: document.querySelector(".detail-bar .hash")?.title.replace("MD5 ", "") ?? "",
      };
      if (!fields) return out;
      for (let closed = true; closed; await turn()) {
        closed = false;
        for (const n of document.querySelectorAll('.tree .node[aria-expanded="false"] > i')) {
          n.click();
          closed = true;
          await turn();
          break; // the lines below are others now
        }
      }
      const api = await (await fetch(document.querySelector(".detail-bar a").href.replace("/bytes", ""))).json();
      const flat = [];
      const walk = (nodes, depth) => {
        for (const n of nodes) {
          flat.push({ ...n, nodes: undefined, depth });
          if (n.nodes) walk(n.nodes, depth + 1);
        }
      };
      walk(api.tree, 1);
      out.fields = [];
      const nodes = [...document.querySelectorAll(".tree .node")];
      for (let i = 0; i < nodes.length; i++) {
        nodes[i].click();
        await turn();
        const marked = bytes().flatMap((b, at) => (b.classList.contains("on") ? [at] : []));
        out.fields.push({
          field: flat[i]?.field ?? "",
          name: nodes[i].querySelector(".fname").textContent.replace("⚠ ", ""),
          value: nodes[i].querySelector(".value")?.textContent ?? "",
          depth: Number(nodes[i].ariaLevel),
          offset: marked[0] ?? 0,
          length: marked.length,
        });
      }
      // What the server says of the same lines.
      out.said = flat.map((n) => ({
        field: n.field ?? "",
        name: n.name,
        value: n.value ?? "",
        depth: n.depth,
        offset: n.length > 0 ? n.offset : 0,
        length: n.length,
      }));
      return out;
    }, fields);

  async function stream(n) {
    await goto(n);
    await press("f");
    await page.waitForSelector(".talk .piece");
    await page.locator(".streams select").selectOption("raw");
    return page.locator(".talk .piece").evaluateAll((list) =>
      list.map((e) => ({
        client: e.classList.contains("client"),
        hex: e.querySelector("pre")?.textContent ?? "",
        gap: Number(e.querySelector("em")?.textContent.replaceAll(/\D/g, "") ?? 0),
      })),
    );
  }

  async function exported(format, path) {
    await press("e");
    await page.waitForSelector("#export-title");
    const coming = page.waitForEvent("download");
    await page.locator(`.dialog a.button[href*="format=${format}&"], .dialog a.button[href$="format=${format}"]`).click();
    await (await coming).saveAs(path);
  }

  return {
    // plan is a file with a list of captures, and of each the packets to look at, those whose
    // fields are wanted, the packet whose stream is followed (0: none), a filter and the
    // formats to export what it shows; dir is where exports go.
    async golden(plan, dir) {
      await open();
      const captures = {};
      for (const c of JSON.parse(readFileSync(plan, "utf8"))) {
        await show(c.name);
        const seen = { packets: {}, stream: [], exports: {} };
        for (const n of c.packets) {
          await goto(n);
          seen.packets[n] = await packet(c.fields.includes(n));
        }
        if (c.follow) seen.stream = await stream(c.follow);
        await press("1", "/");
        await page.locator("#filter").fill(c.filter);
        await press("Enter", "Escape");
        if (c.filter) await page.waitForSelector(".foot .shown");
        await page.waitForFunction(() => document.querySelectorAll(".grid-row:not(.empty)").length > 0);
        for (const f of c.formats) {
          seen.exports[f] = join(dir, `${c.name}.${f}`);
          await exported(f, seen.exports[f]);
        }
        await press("/");
        await page.locator("#filter").fill("");
        await press("Enter", "Escape");
        if (c.filter) await page.waitForSelector(".foot .shown", { state: "detached" });
        captures[c.name] = seen;
      }
      return { captures, problems };
    },
  };
};
