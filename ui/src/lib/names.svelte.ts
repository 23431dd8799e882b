import { get, type Names } from "./api";
import { page } from "./page.svelte";
import { keep, recall } from "./storage";

// Names of addresses, as DNS answers in the same capture gave them. Only those that are on
// the screen are asked for, and only so many are kept.

const MOST = 4096; // addresses kept
const BATCH = 200; // addresses in one question
const PAUSE = 400; // milliseconds between two questions
const AGAIN = 5000; // milliseconds until an address without a name is asked for again

class Named {
  on = $state(recall("names") !== "off");
  version = $state(0); // grows with what is known
  private known = new Map<string, { name: string; until: number }>();
  private wanted = new Set<string>();
  private timer = 0;
  private missing = false; // the server has no names

  get(address: string): string {
    return this.on ? (this.known.get(address)?.name ?? "") : "";
  }

  toggle(): void {
    this.on = !this.on;
    keep("names", this.on ? "on" : "off");
    this.version++;
  }

  forget(): void {
    this.known.clear();
    this.wanted.clear();
    this.missing = false;
  }

  /** An address is on the screen. */
  want(address: string): void {
    if (!this.on || !address || this.missing || !page.session?.analysis || this.wanted.size >= BATCH) return;
    const k = this.known.get(address);
    if (k && (k.name || k.until > performance.now())) return;
    this.wanted.add(address);
    if (!this.timer) this.timer = window.setTimeout(() => this.ask(), PAUSE);
  }

  private async ask(): Promise<void> {
    const list = [...this.wanted];
    this.wanted.clear();
    const capture = page.capture;
    try {
      const answer = await get<Names>(
        `captures/${capture}/names`,
        list.map((a): [string, string] => ["address", a]),
      );
      if (capture !== page.capture) return;
      if (this.known.size + list.length > MOST) this.known.clear();
      const until = answer.complete && !page.live ? Number.POSITIVE_INFINITY : performance.now() + AGAIN;
      let fresh = false;
      for (const a of list) {
        const name = answer.names[a]?.name ?? "";
        fresh ||= name !== (this.known.get(a)?.name ?? "");
        this.known.set(a, { name, until });
      }
      if (fresh) this.version++;
    } catch {
      this.missing = capture === page.capture;
    } finally {
      this.timer = 0;
    }
  }
}

export const names = new Named();
