import { get, type Note, type Notes, write } from "./api";
import { page } from "./page.svelte";

// Marks and comments of the capture that is looked at. The server keeps them, and says
// with each window of rows which revision it has.

class Noted {
  packets = $state.raw(new Map<number, Note>());
  writable = $state(false);
  why = $state(""); // not writable
  revision = 0;
  /** What is being commented on: a packet's number, or a capture. */
  target = $state.raw<{ packet: number } | { capture: string; name: string } | null>(null);
  private unwritten = 0;
  private writing: Promise<void> = Promise.resolve();
  private loading: AbortController | null = null;

  async load(): Promise<void> {
    if (!page.capture) return;
    this.loading?.abort(); // the newer answer counts
    const c = new AbortController();
    this.loading = c;
    try {
      const n = await get<Notes>(`captures/${page.capture}/notes`, {}, c.signal);
      if (c.signal.aborted) return;
      this.packets = new Map(n.packets.map((p) => [p.number, p]));
      this.writable = n.writable;
      this.why = n.why;
      this.revision = n.revision;
    } catch (e) {
      if (c.signal.aborted) return;
      this.packets = new Map();
      this.writable = false;
      this.why = e instanceof Error ? e.message : String(e);
    }
  }

  /** A window of rows came with these marks. */
  seen(revision: number): void {
    if (revision === this.revision) return;
    this.revision = revision;
    this.load();
  }

  of(number: number): Note {
    return this.packets.get(number) ?? { marked: false, comment: "" };
  }

  /** Changes the note of a packet. What is absent stays as it is. It is shown at once; changes
   * reach the server in their order. */
  set(number: number, change: Partial<Note>): Promise<void> {
    this.packets = new Map(this.packets).set(number, { ...this.of(number), ...change });
    const id = page.capture;
    this.unwritten++;
    this.writing = this.writing.then(() => this.put(id, number, change));
    return this.writing;
  }

  private async put(id: string, number: number, change: Partial<Note>): Promise<void> {
    try {
      const r = await write("PUT", `captures/${id}/packets/${number}/note`, change);
      const kept = (await r.json()) as Note & { revision: number };
      this.revision = kept.revision;
      if (this.unwritten > 1 || id !== page.capture) return; // what is shown is newer
      const next = new Map(this.packets);
      if (kept.marked || kept.comment) next.set(number, { marked: kept.marked, comment: kept.comment });
      else next.delete(number);
      this.packets = next;
      page.onStale();
    } catch (e) {
      page.say(e);
      this.load();
    } finally {
      this.unwritten--;
    }
  }

  mark(number: number): Promise<void> {
    return this.set(number, { marked: !this.of(number).marked });
  }

  async setCapture(id: string, change: Partial<Note>): Promise<void> {
    try {
      await write("PUT", `captures/${encodeURIComponent(id)}/note`, change);
    } catch (e) {
      page.say(e);
    }
    await page.loadCaptures();
  }

  /** Opens the dialog for a comment. */
  comment(target: { packet: number } | { capture: string; name: string }): void {
    this.target = target;
    page.dialog = "comment";
  }
}

export const notes = new Noted();
