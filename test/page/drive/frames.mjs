// How fluently the list moves, and how still it stands.

export default ({ page, context, problems, sleep, open }) => {
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

  // The CPU time of the page's main thread, seconds, and what took it.
  const session = context.newCDPSession(page);
  const enabled = session.then((s) => s.send("Performance.enable", { timeDomain: "threadTicks" }));
  async function work() {
    await enabled;
    const { metrics } = await (await session).send("Performance.getMetrics");
    const m = Object.fromEntries(metrics.map((x) => [x.name, x.value]));
    return [m.TaskDuration, m.ScriptDuration, m.LayoutDuration, m.RecalcStyleDuration];
  }

  // frames records the time between animation frames while work runs, and in every fourth
  // frame how many visible rows were not painted. A frame counts as dropped when the screen
  // would have shown the one before once more: more than one and a half intervals.
  async function frames(ms, doing) {
    const before = await work();
    await page.evaluate(() => {
      const f = { deltas: [], blank: 0, checked: 0, on: true };
      window.__frames = f;
      let last = performance.now();
      const rows = document.getElementsByClassName("grid-row");
      const tick = (now) => {
        f.deltas.push(now - last);
        last = now;
        if (f.deltas.length % 4 === 0) {
          f.checked++;
          let shown = 0;
          let blank = 0;
          for (const r of rows) {
            if (r.classList.contains("empty")) continue;
            shown++;
            if (r.classList.contains("waiting") || !r.textContent) blank++;
          }
          if (blank > 0 || shown === 0) f.blank++;
        }
        if (f.on) requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    });
    const end = Date.now() + ms;
    if (doing) while (Date.now() < end) await doing();
    else await sleep(ms);
    const r = await page.evaluate(() => {
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
        seconds: total / 1000,
      };
    });
    const cost = (await work()).map((x, i) => (1000 * (x - before[i])) / r.seconds);
    return { ...r, busy: cost[0], script: cost[1], layout: cost[2], style: cost[3] };
  }

  return {
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
          return rows.length > 5 && rows.every((r) => r.textContent);
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
  };
};
