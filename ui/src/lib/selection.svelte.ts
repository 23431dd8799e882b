import type { Ahead } from "./ahead";
import { ApiError, type Detail, get } from "./api";

// The selected packet: where it is in the list, which one that is, and what is in it. Each
// of the three may come later than the one before.

export class Selection {
  position = $state(-1); // in the list; -1: none
  number = 0; // of the packet; 0: none is selected, or its row has not come
  detail = $state.raw<Detail | null>(null);
  error = $state(""); // why there are no details

  private fetching: AbortController | null = null;
  private detailing: Promise<void> | null = null;
  private onNumber: ((n: number) => void) | null = null;

  /** capture names the one that the packets are of. */
  constructor(
    private readonly ahead: Ahead,
    private readonly capture: () => string,
  ) {}

  clear(): void {
    this.fetching?.abort();
    this.point(-1);
    this.detail = null;
    this.error = "";
  }

  /** Selects a place of which the row may not have come. */
  point(position: number): void {
    this.position = position;
    this.number = 0;
    this.onNumber?.(0);
    this.onNumber = null;
  }

  /** Does something with the selected packet, as soon as it is known which one that is. What
   * is shown of a packet may still be of the one before. */
  packet(act: (n: number) => void): void {
    if (this.number > 0) {
      act(this.number);
      return;
    }
    if (this.position < 0) return;
    const known = new Promise<number>((r) => {
      this.onNumber?.(0);
      this.onNumber = r;
    });
    this.ahead.move(known).then((n) => n > 0 && act(n));
  }

  /** The details of the selected packet: null when another one was selected before they came. */
  async details(): Promise<Detail | null> {
    const n = this.number;
    if (this.detail?.number !== n) await this.detailing;
    return this.detail?.number === n ? this.detail : null;
  }

  async show(position: number, number: number): Promise<void> {
    if (position === this.position) {
      this.onNumber?.(number);
      this.onNumber = null;
    }
    this.point(position);
    this.number = number;
    this.fetching?.abort();
    const c = new AbortController();
    this.fetching = c;
    this.detailing = this.fetch(number, c);
    await this.detailing;
  }

  private async fetch(number: number, c: AbortController): Promise<void> {
    try {
      const d = await get<Detail>(`captures/${this.capture()}/packets/${number}`, {}, c.signal);
      if (c.signal.aborted) return;
      this.detail = d;
      this.error = "";
    } catch (e) {
      if (c.signal.aborted) return;
      this.detail = null;
      this.error = e instanceof ApiError ? e.problem.error : String(e);
    }
  }
}
