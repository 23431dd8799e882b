import { get, type Hit } from "./api";
import { bytesOf } from "./bytesof";
import { page } from "./page.svelte";

// The search for bytes in the packets that the filter shows.

export const forms = ["text", "hex", "address"] as const;
export type Form = (typeof forms)[number];
export type Direction = "next" | "previous";

class Search {
  open = $state(false);
  text = $state("");
  form = $state<Form>("text");
  place = $state<"payload" | "packet">("payload");
  cased = $state(false);
  busy = $state(false);
  searched = $state(0);
  outcome = $state<"" | "none" | "end" | "malformed">("");
  hit = $state.raw<{ number: number; offset: number; length: number } | null>(null);
  /** Brings a packet onto the screen. */
  onHit: (position: number) => void = () => {};
  private running: AbortController | null = null;
  private around = false; // the last question came to the end: the next starts at the other one

  changed(): void {
    this.outcome = "";
    this.hit = null;
    this.around = false;
    this.stop();
  }

  stop(): void {
    this.running?.abort();
    this.running = null;
    this.busy = false;
  }

  close(): void {
    this.changed();
    this.open = false;
  }

  /** Looks for the next hit behind (or before) the selected packet. */
  find(direction: Direction): void {
    if (page.selection.position < 0) this.look(direction, undefined);
    else page.selection.packet((n) => this.look(direction, n));
  }

  private async look(direction: Direction, selected: number | undefined): Promise<void> {
    if (!this.text) return;
    const what = this.question();
    if (!what) {
      this.outcome = "malformed";
      return;
    }
    const from = this.around ? undefined : selected;
    const around = this.around;
    this.around = false;
    const found = await this.ask("search", { ...what, direction }, from);
    if (found) return;
    if (found === false) {
      this.outcome = from === undefined && !around ? "none" : "end";
      this.around = from !== undefined;
    }
  }

  /** Goes to the next packet of the same flow, or with the same payload. */
  async neighbour(number: number, same: "flow" | "payload", direction: Direction): Promise<void> {
    if ((await this.ask(`packets/${number}/neighbour`, { same, direction })) === false)
      page.notice = page.t(direction === "next" ? "neighbour.last" : "neighbour.first");
  }

  private question(): Record<string, string> | null {
    const p: Record<string, string> = { in: this.form === "address" ? "packet" : this.place };
    if (this.form === "text") {
      p.text = this.text;
      if (this.cased) p.case = "1";
      return p;
    }
    p.bytes = bytesOf(this.form, this.text);
    p.case = "1";
    return p.bytes ? p : null;
  }

  // True: found. False: there is none. Undefined: given up.
  private async ask(path: string, what: Record<string, string>, from?: number): Promise<boolean | undefined> {
    this.stop();
    const c = new AbortController();
    this.running = c;
    this.busy = true;
    this.searched = 0;
    this.outcome = "";
    const params: Record<string, string> = { ...page.scope, ...what };
    if (from !== undefined) params.from = String(from);
    try {
      for (;;) {
        const h = await page.ahead.move(get<Hit>(`captures/${page.capture}/${path}`, params, c.signal));
        if (c.signal.aborted) return undefined;
        this.searched += h.searched;
        if (h.found) {
          this.hit = h.length > 0 ? { number: h.number, offset: h.offset, length: h.length } : null;
          this.onHit(h.position);
          return true;
        }
        if (h.done || String(h.resume) === params.from) return false;
        params.from = String(h.resume);
      }
    } catch (e) {
      if (!c.signal.aborted) page.say(e);
      return undefined;
    } finally {
      if (this.running === c) this.busy = false;
    }
  }
}

export const search = new Search();
