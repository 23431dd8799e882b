import { type Analysis, type Flow, get, type Stream } from "./api";
import { page } from "./page.svelte";

// What takes reading a capture through: its flows and findings, and a followed stream.

// Captures up to here are read through when they are opened; ten times as large ones where no
// capture is running, for which the processor might be needed.
const MOST_PACKETS = 5_000_000;
const MOST_BYTES = 2e9;
const AFTER_ROWS = 300; // milliseconds: the rows come first
const LOOK = 700;

class Reading {
  result = $state.raw<Analysis | null>(null);
  busy = $state(false);
  read = $state(0); // packets that were looked at, while it is busy
  error = $state("");
  stream = $state.raw<Stream | null>(null);
  streaming = $state(false);
  streamError = $state("");
  private of = ""; // capture that the result is of
  private soon = 0;
  private asked = ""; // capture that is being read
  private loading: AbortController | null = null;
  private following: AbortController | null = null;
  private flows = new Map<string, Flow>();

  async load(): Promise<void> {
    const id = page.capture;
    if (this.busy && this.asked === id) return;
    this.loading?.abort();
    const c = new AbortController();
    this.loading = c;
    this.asked = id;
    if (this.of !== id) this.forget();
    this.busy = true;
    this.read = 0;
    this.error = "";
    this.watch(id, c);
    try {
      const a = await get<Analysis>(`captures/${id}/analysis`, {}, c.signal);
      if (id === page.capture) {
        this.result = a;
        this.of = id;
        this.flows = new Map(
          a.flows.map((f) => [flowKey(f.protocol, f.client, f.client_port, f.server, f.server_port), f]),
        );
      }
    } catch (e) {
      if (!c.signal.aborted) this.error = e instanceof Error ? e.message : String(e);
    } finally {
      if (this.loading === c) this.busy = false;
    }
  }

  /** Another capture is shown. What its flows are called comes by itself, unless that takes
   * reading a lot. */
  opened(): void {
    clearTimeout(this.soon);
    this.loading?.abort();
    this.loading = null;
    this.following?.abort();
    this.busy = false;
    this.asked = "";
    this.stream = null;
    this.forget();
    const c = page.captures.find((c) => c.id === page.capture);
    if (!c || page.live || !page.session?.analysis) return;
    const times = page.session.live ? 1 : 10;
    if (c.packets > times * MOST_PACKETS || c.bytes > times * MOST_BYTES) return;
    this.soon = window.setTimeout(() => this.load(), AFTER_ROWS);
  }

  // Asks how far the reading is, now and then.
  private async watch(id: string, c: AbortController): Promise<void> {
    for (;;) {
      await new Promise((r) => setTimeout(r, LOOK));
      if (this.loading !== c || !this.busy) return;
      try {
        const p = await get<{ packets: number }>(`captures/${id}/analysis/progress`, {}, c.signal);
        this.read = p.packets;
      } catch {
        return;
      }
    }
  }

  forget(): void {
    this.result = null;
    this.of = "";
    this.flows.clear();
  }

  /** The name that a flow's application gave, when the flows have been read. */
  nameOf(protocol: string, a: string, aPort: number, b: string, bPort: number): string {
    if (this.flows.size === 0 || this.of !== page.capture) return "";
    const f =
      this.flows.get(flowKey(protocol, a, aPort, b, bPort)) ??
      this.flows.get(flowKey(protocol, b, bPort, a, aPort));
    return f ? f.name || f.host || f.app || "" : "";
  }

  /** Shows the conversation that a packet belongs to. */
  async follow(packet: number): Promise<void> {
    page.tab = "streams";
    this.stream = null;
    this.streaming = true;
    this.streamError = "";
    this.following?.abort();
    const c = new AbortController();
    this.following = c;
    try {
      const s = await get<Stream>(`captures/${page.capture}/stream`, { packet: String(packet) }, c.signal);
      if (!c.signal.aborted) this.stream = s;
    } catch (e) {
      if (!c.signal.aborted) this.streamError = e instanceof Error ? e.message : String(e);
    } finally {
      if (this.following === c) this.streaming = false;
    }
  }
}

function flowKey(
  protocol: string,
  client: string,
  clientPort: number,
  server: string,
  serverPort: number,
): string {
  return `${protocol} ${client} ${clientPort} ${server} ${serverPort}`;
}

export const reading = new Reading();
