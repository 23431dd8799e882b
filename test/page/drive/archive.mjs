// A large stored capture: how soon rows are there, and what it takes.
import { readFileSync, readdirSync } from "node:fs";

// The resident memory of this browser's renderers, bytes: the largest.
function renderers() {
  const status = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/status`, "utf8");
    } catch {
      return "";
    }
  };
  const all = readdirSync("/proc").filter((p) => /^\d+$/.test(p));
  const parent = new Map(all.map((p) => [p, /^PPid:\s+(\d+)/m.exec(status(p))?.[1]]));
  const ours = (p) => {
    for (let at = p; at && at !== "0"; at = parent.get(at)) if (at === String(process.pid)) return true;
    return false;
  };
  let most = 0;
  for (const p of all) {
    let line = "";
    try {
      line = readFileSync(`/proc/${p}/cmdline`, "utf8");
    } catch {
      continue;
    }
    if (!line.includes("--type=renderer") || !ours(p)) continue;
    most = Math.max(most, 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status(p))?.[1] ?? 0));
  }
  return most;
}

export default ({ page, problems, sleep, open }) => ({
  // Jumps to places all over a capture, and filters it. Times are the page's own: from the
  // key or click until every visible row is painted, at the end of a frame.
  async archive(jumps) {
    await open();
    await sleep(500);
    const total = Number(await page.locator(".grid").getAttribute("aria-rowcount")) - 1;
    const list = await page.evaluate(async (jumps) => {
      const bar = document.querySelector(".grid-bar");
      const times = [];
      const painted = (was) => {
        const rows = [...document.querySelectorAll(".grid-row:not(.empty)")];
        return rows.length > 5 && rows.every((r) => r.textContent && !r.classList.contains("waiting")) && rows[0].textContent !== was;
      };
      for (let i = 1; i <= jumps; i++) {
        const box = bar.getBoundingClientRect();
        const was = document.querySelector(".grid-row").textContent;
        const at = { clientX: box.x + 5, clientY: box.y + box.height * ((i * 0.618034) % 1), bubbles: true, button: 0, pointerId: 1 };
        const start = performance.now();
        bar.setPointerCapture = () => {};
        bar.dispatchEvent(new PointerEvent("pointerdown", at));
        bar.dispatchEvent(new PointerEvent("pointerup", at));
        do await new Promise(requestAnimationFrame);
        while (!painted(was) && performance.now() - start < 5000);
        times.push(performance.now() - start);
        await new Promise((r) => setTimeout(r, 20));
      }
      return times;
    }, Number(jumps));
    const filters = [];
    for (const filter of ["udp", "tcp.flags.syn == 1", "ip.src == 10.0.3.7 && tcp"]) {
      filters.push(
        await page.evaluate(async (filter) => {
          const input = document.querySelector("#filter");
          input.value = filter;
          input.dispatchEvent(new Event("input", { bubbles: true }));
          await new Promise((r) => setTimeout(r, 300));
          const was = document.querySelector(".grid-body").textContent;
          const start = performance.now();
          input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
          const ready = () => {
            const rows = [...document.querySelectorAll(".grid-row:not(.empty)")];
            return document.querySelector(".grid-body").textContent !== was && rows.length > 5 && rows.every((r) => r.textContent);
          };
          do await new Promise(requestAnimationFrame);
          while (!ready() && performance.now() - start < 20000);
          return { filter, ms: performance.now() - start };
        }, filter),
      );
      await sleep(1500);
    }
    list.sort((a, b) => a - b);
    const at = (q) => list[Math.min(list.length - 1, Math.floor(list.length * q))];
    return { total, jumps: list.length, p50: at(0.5), p95: at(0.95), max: list.at(-1), filters, renderer: renderers(), problems };
  },
});
