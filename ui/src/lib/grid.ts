import { NO_ROWS, type Rows } from "./rows";
import { Scrollbar } from "./scrollbar";

// The list of packets: a pool of as many DOM rows as fit, filled from the newest window
// of the server. It holds one window and nothing else, whatever the capture's size.

export interface Column {
  id: string;
  width: number;
  grow?: boolean;
  align?: "right";
  text(rows: Rows, position: number): string;
}

// A row of the page, and what it shows: the page is written to where that changes, and
// never read.
interface Slot {
  el: HTMLElement;
  cells: Text[];
  texts: string[];
  kind: string;
  selected: boolean;
  index: number; // position + 2, as aria-rowindex; 0: none
}

export interface GridEvents {
  /** Asks for rows. With follow the server sends the newest ones, again and again. */
  request(from: number, count: number, follow: boolean): void;
  select(position: number): void;
  follow(on: boolean): void;
  activate(position: number): void;
  /** Class names of a row: how it is coloured. */
  kind(rows: Rows, position: number): string;
  /** The rows have been drawn. */
  drawn?(rows: Rows | null, first: number, count: number): void;
}

export const ROW = 20;
const RACING = 66; // milliseconds between two pictures of a list in which every row is another one
const OVERSCAN = 110;
const MARGIN = 70; // rows left of a window when the next one is asked for

export class Grid {
  following = true;
  total = 0;
  top = 0; // position of the first visible row; fractions scroll smoothly
  selected = -1;
  private rows: Rows | null = null;
  private visible = 0;
  private pool: Slot[] = [];
  private readonly body: HTMLElement;
  private readonly bar = new Scrollbar((top) => this.scrollTo(top));
  private frame = 0;
  private drawn = { end: 0, at: 0, later: 0 }; // the last picture, and the timer of the next one
  private height = 0; // of the host, pixels
  private shift = 0; // of the body, pixels
  private asked = { from: -1, count: 0, follow: false };
  private readonly observer: ResizeObserver;

  constructor(
    private readonly host: HTMLElement,
    private columns: Column[],
    private readonly events: GridEvents,
  ) {
    this.body = document.createElement("div");
    this.body.className = "grid-body";
    this.body.setAttribute("role", "presentation");
    host.append(this.body, this.bar.element);
    host.addEventListener("wheel", this.wheel, { passive: false });
    this.body.addEventListener("pointerdown", this.click);
    this.body.addEventListener("dblclick", () => this.selected >= 0 && events.activate(this.selected));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    this.resize();
  }

  destroy(): void {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.drawn.later);
    this.host.replaceChildren();
  }

  setColumns(columns: Column[]): void {
    this.columns = columns;
    this.body.replaceChildren();
    this.pool = [];
    this.resize();
  }

  /** Forgets everything: another view is shown. */
  reset(follow: boolean): void {
    this.rows = null;
    this.drawn.end = 0;
    this.total = 0;
    this.top = 0;
    this.selected = -1;
    this.asked = { from: -1, count: 0, follow: false };
    this.setFollow(follow);
    this.ask(true);
    this.schedule();
  }

  /** Takes a window of the server. */
  take(rows: Rows): void {
    this.total = rows.total;
    if ((rows.flags & NO_ROWS) === 0 && (rows.count > 0 || !this.following)) this.rows = rows;
    if (this.following) this.top = this.lastTop();
    else this.top = Math.min(this.top, this.lastTop());
    // Nobody can read rows of which none stays: fewer pictures do, and cost half.
    const wait = this.drawn.at + RACING - performance.now();
    if (!this.following || rows.from < this.drawn.end || wait <= 0) this.schedule();
    else if (!this.drawn.later) this.drawn.later = window.setTimeout(() => this.schedule(), wait);
  }

  setFollow(on: boolean): void {
    if (on === this.following) return;
    this.following = on;
    if (on) {
      this.selected = -1;
      this.top = this.lastTop();
    } else if (this.rows && this.rows.count > 0) {
      // What is on the screen stays where it is.
      this.top = Math.max(0, this.rows.from + this.rows.count - this.visible);
    }
    this.events.follow(on);
    this.ask(true);
    this.schedule();
  }

  /** Selects a row that may be further than what the server has counted so far. */
  reach(position: number): void {
    this.total = Math.max(this.total, position + 1);
    this.select(position);
  }

  select(position: number): void {
    if (this.total === 0) return;
    const p = Math.max(0, Math.min(this.total - 1, position));
    this.setFollow(false);
    this.selected = p;
    if (p < Math.ceil(this.top)) this.scrollTo(p);
    else if (p > this.top + this.visible - 1) this.scrollTo(p - this.visible + 1);
    this.schedule();
    this.events.select(p);
  }

  scrollTo(top: number): void {
    const next = Math.max(0, Math.min(top, this.lastTop()));
    this.setFollow(false);
    this.top = next;
    this.ask(false);
    this.schedule();
  }

  move(by: number): void {
    // Without a selection the first row that is seen, or the last: while following the newest.
    const none = by > 0 && !this.following ? Math.ceil(this.top) : Math.floor(this.top) + this.visible - 1;
    this.select(this.selected < 0 ? none : this.selected + by);
  }

  get page(): number {
    return Math.max(1, this.visible - 1);
  }

  row(position: number): Rows | null {
    return this.rows?.has(position) ? this.rows : null;
  }

  /** Draws what the columns say now. */
  repaint(): void {
    this.schedule();
  }

  /** Asks for the same rows again. */
  refresh(): void {
    this.ask(true);
  }

  private lastTop(): number {
    return Math.max(0, this.total - this.visible);
  }

  private resize(): void {
    this.height = this.host.clientHeight;
    this.visible = Math.max(1, Math.floor(this.height / ROW));
    const need = this.visible + 1;
    while (this.pool.length > need) this.pool.pop()?.el.remove();
    while (this.pool.length < need) {
      const el = document.createElement("div");
      el.className = "grid-row";
      el.setAttribute("role", "row");
      const cells = this.columns.map((c) => {
        const cell = document.createElement("div");
        cell.className = `c-${c.id}`;
        cell.setAttribute("role", "gridcell");
        const node = document.createTextNode("");
        cell.append(node);
        el.append(cell);
        return node;
      });
      this.body.append(el);
      this.pool.push({ el, cells, texts: cells.map(() => ""), kind: "", selected: false, index: 0 });
    }
    if (this.following) this.top = this.lastTop();
    this.ask(true);
    this.repaint();
  }

  /** Asks for the window around what is visible, unless it is there or on its way. */
  private ask(force: boolean): void {
    if (this.following) {
      const count = this.visible + 1;
      if (force || !this.asked.follow || this.asked.count !== count) {
        this.asked = { from: 0, count, follow: true };
        this.events.request(0, count, true);
      }
      return;
    }
    const first = Math.floor(this.top);
    const last = Math.min(this.total, first + this.visible + 1);
    const a = this.asked;
    const covered =
      !a.follow &&
      Math.max(0, first - MARGIN) >= a.from &&
      Math.min(this.total, last + MARGIN) <= a.from + a.count;
    if (!force && covered) return;
    const from = Math.max(0, first - OVERSCAN);
    const count = this.visible + 1 + 2 * OVERSCAN;
    this.asked = { from, count, follow: false };
    this.events.request(from, count, false);
  }

  private schedule(): void {
    clearTimeout(this.drawn.later);
    this.drawn.later = 0;
    if (!this.frame) this.frame = requestAnimationFrame(this.paint);
  }

  private readonly paint = () => {
    this.frame = 0;
    const rows = this.rows;
    const first = Math.floor(this.top);
    const shift = -Math.round((this.top - first) * ROW);
    if (shift !== this.shift) {
      this.shift = shift;
      this.body.style.transform = `translateY(${shift}px)`;
    }
    for (let i = 0; i < this.pool.length; i++) {
      const p = first + i;
      this.paintRow(this.pool[i], p, p < this.total && rows?.has(p) ? rows : null);
    }
    this.drawn.end = rows ? rows.from + rows.count : 0;
    this.drawn.at = performance.now();
    this.bar.paint(this.height, this.top, this.visible, this.total);
    this.events.drawn?.(rows, first, this.visible);
  };

  private paintRow(slot: Slot, p: number, rows: Rows | null): void {
    const selected = rows !== null && p === this.selected;
    const kind = rows ? this.events.kind(rows, p) : p < this.total ? "waiting" : "empty";
    if (kind !== slot.kind || selected !== slot.selected) {
      slot.el.className = selected ? `grid-row ${kind} selected` : `grid-row ${kind}`;
      slot.kind = kind;
    }
    if (selected !== slot.selected) {
      slot.selected = selected;
      if (selected) slot.el.setAttribute("aria-selected", "true");
      else slot.el.removeAttribute("aria-selected");
    }
    // Rows that race by have no number worth telling.
    const index = rows && !this.following ? p + 2 : 0;
    if (index !== slot.index) {
      slot.index = index;
      if (index) slot.el.setAttribute("aria-rowindex", String(index));
      else slot.el.removeAttribute("aria-rowindex");
    }
    for (let c = 0; c < slot.cells.length; c++) {
      const text = rows ? this.columns[c].text(rows, p) : "";
      if (slot.texts[c] !== text) {
        slot.texts[c] = text;
        slot.cells[c].data = text;
      }
    }
  }

  private readonly wheel = (e: WheelEvent) => {
    if (e.ctrlKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) return;
    e.preventDefault();
    const rows = e.deltaMode === 0 ? e.deltaY / ROW : e.deltaMode === 1 ? e.deltaY : e.deltaY * this.visible;
    if (this.following && rows > 0) return;
    this.scrollTo(this.top + rows);
  };

  private readonly click = (e: PointerEvent) => {
    if (e.button !== 0) return;
    const box = this.body.getBoundingClientRect();
    const p = Math.floor(this.top) + Math.floor((e.clientY - box.top) / ROW);
    if (p < this.total) this.select(p);
  };
}
