import { get, type Names } from "./api";
import { page } from "./page.svelte";
import { keep, recall } from "./storage";

// Names of addresses, as DNS answers in the same capture gave them, and of the flows of a
// running capture, as their applications gave them. Only those that are on the screen are
// asked for, and only so many are kept.

const MOST = 4096; // names kept
const BATCH = 200; // of them in one question
const PAUSE = 400; // milliseconds between two questions
const AGAIN = 5000; // milliseconds until what has no name is asked for again

class Named {
  on = $state(recall("names") !== "off");
  version = $state(0); // grows with what is known
  behind = $state(0); // packets of a running capture in which names were not yet looked for
  private known = new Map<string, { name: string; until: number }>();
  private wanted = new Set<string>();
  private timer = 0;
  private asked = 0; // questions
  private missing = false; // the server has no names

  get(address: string): string {
    return this.on ? (this.known.get(address)?.name ?? "") : "";
  }

  /** What the application of a flow of the running capture called the other side. */
  flow(protocol: string, a: string, aPort: number, b: string, bPort: number): string {
    return this.known.get(flowKey(protocol, a, aPort, b, bPort))?.name ?? "";
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
    this.behind = 0;
  }

  /** An address is on the screen. */
  want(address: string): void {
    if (this.on && address) this.add(address);
  }

  /** A packet of a flow of the running capture is on the screen. */
  wantFlow(protocol: string, a: string, aPort: number, b: string, bPort: number): void {
    this.add(flowKey(protocol, a, aPort, b, bPort));
  }

  private add(key: string): void {
    if (this.missing || !page.session?.analysis || this.wanted.size >= BATCH) return;
    const k = this.known.get(key);
    if (k && (k.name || k.until > performance.now())) return;
    this.wanted.add(key);
    if (!this.timer) this.timer = window.setTimeout(() => this.ask(), PAUSE);
  }

  // What is on the screen is asked for again, until names have been looked for in all packets.
  private later(): void {
    setTimeout(() => {
      const n = this.asked;
      this.version++;
      setTimeout(() => {
        if (this.asked === n) this.behind = 0;
        if (this.behind) this.later();
      }, 4 * PAUSE);
    }, AGAIN);
  }

  private async ask(): Promise<void> {
    const list = [...this.wanted];
    this.wanted.clear();
    this.asked++;
    const capture = page.capture;
    try {
      const answer = await get<Names>(
        `captures/${capture}/names`,
        list.map((k): [string, string] => [isFlow(k) ? "flow" : "address", k]),
      );
      if (capture !== page.capture) return;
      if (this.known.size + list.length > MOST) this.known.clear();
      const until = answer.complete && !page.live ? Number.POSITIVE_INFINITY : performance.now() + AGAIN;
      let fresh = false;
      if (!this.behind && answer.flows_behind) this.later();
      this.behind = answer.flows_behind;
      for (const a of list) {
        const name = (isFlow(a) ? answer.flows[a] : answer.names[a]?.name) ?? "";
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

// Both directions of a flow have one key, which no address can be.
function flowKey(protocol: string, a: string, aPort: number, b: string, bPort: number): string {
  const ends = [`${a},${aPort}`, `${b},${bPort}`].sort();
  return `${protocol},${ends[0]},${ends[1]}`;
}

const isFlow = (key: string) => key.includes(",");

export const names = new Named();
