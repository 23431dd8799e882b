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
  private loading = false;

  async load(): Promise<void> {
    if (this.loading || !page.capture) return;
    this.loading = true;
    try {
      const n = await get<Notes>(`captures/${page.capture}/notes`);
      this.packets = new Map(n.packets.map((p) => [p.number, p]));
      this.writable = n.writable;
      this.why = n.why;
      this.revision = n.revision;
    } catch (e) {
      this.packets = new Map();
      this.writable = false;
      this.why = e instanceof Error ? e.message : String(e);
    } finally {
      this.loading = false;
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

  /** Changes the note of a packet. What is absent stays as it is. */
  async set(number: number, change: Partial<Note>): Promise<void> {
    try {
      const r = await write("PUT", `captures/${page.capture}/packets/${number}/note`, change);
      const kept = (await r.json()) as Note & { revision: number };
      const next = new Map(this.packets);
      if (kept.marked || kept.comment) next.set(number, { marked: kept.marked, comment: kept.comment });
      else next.delete(number);
      this.packets = next;
      this.revision = kept.revision;
      page.onStale();
    } catch (e) {
      page.say(e);
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
