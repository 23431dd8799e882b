import { Ahead } from "./ahead";
import { type Capture, get, type Problem, type Session, setCsrf } from "./api";
import { Capturing } from "./capturing.svelte";
import { type Key, type Language, preferred, translate } from "./i18n";
import type { LiveSeries, LiveStatistics, Message, Status } from "./messages";
import { EXACT, type Rows } from "./rows";
import { Selection } from "./selection.svelte";
import { Socket } from "./socket";
import { recall } from "./storage";

// The state of the page. One socket; the newest window of rows goes to the grid without
// passing through here.

export type Tab = "packets" | "streams" | "flows" | "statistics" | "findings" | "captures";
export type Dialog = "" | "help" | "goto" | "export" | "exportof" | "close" | "comment" | "delete";
export type Theme = "dark" | "light";

const TOTALS_EVERY = 250; // milliseconds: the totals on the page are text, nobody reads faster

class Page {
  session = $state.raw<Session | null>(null);
  connected = $state(false);
  ended = $state(false);
  dismissed = $state(false); // the last word has been read
  tab = $state<Tab>("packets");
  capture = $state(""); // "live" or an identifier
  captures = $state.raw<Capture[]>([]);
  text = $state(""); // in the filter bar
  filter = $state(""); // in force
  problem = $state.raw<Problem | null>(null); // with the filter, or with the last question
  start = $state(0n); // of the time range, nanoseconds; both 0: all
  end = $state(0n);
  following = $state(true);
  total = $state(0); // shown; now.total is the newest
  exact = $state(true);
  done = $state(1);
  skipped = $state(0);
  seen = $state(0); // total when following stopped
  rowsOf = $state(0); // view of which the first rows have come: other questions wait for them
  status = $state.raw<Status | null>(null);
  series = $state.raw<LiveSeries | null>(null);
  statistics = $state.raw<LiveStatistics | null>(null);
  dialog = $state<Dialog>("");
  notice = $state("");
  language = $state<Language>((recall("language") as Language) || preferred(navigator.languages));
  theme = $state<Theme>(
    (recall("theme") as Theme) || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"),
  );

  onRows: (rows: Rows) => void = () => {};
  onView: () => void = () => {};
  /** The rows have to be asked for again: more is known of them. */
  onStale: () => void = () => {};
  /** Shows a packet among those that the filter shows, which have come. */
  onGoto: (n: number) => void = () => {};
  onRevision: (revision: number) => void = () => {};

  /** What keys do waits for the rows of a view that has just been asked for. */
  readonly ahead = new Ahead(() => this.answered);
  readonly selection = new Selection(this.ahead, () => this.capture);
  readonly capturing = new Capturing((e) => this.say(e));

  private now = { total: 0, exact: true, done: 1, skipped: 0 };
  private publishing = 0;
  private view = 0;
  private wantedView = 0;
  private refusedView = 0;
  private pending = { filter: "", start: 0n, end: 0n, capture: "" };
  private request = 0;
  private wantsStatistics = false;
  private counting: AbortController | null = null;
  private going = 0;
  private readonly socket = new Socket({
    state: (on) => this.online(on),
    rows: (r) => this.takeRows(r),
    message: (m) => this.takeMessage(m),
    ended: () => {
      this.ended = true;
    },
  });

  t = (key: Key, values?: Record<string, string | number>): string => translate(this.language, key, values);

  get live(): boolean {
    return this.capture === "live";
  }

  get fresh(): number {
    return this.following ? 0 : Math.max(0, this.total - this.seen);
  }

  get narrowed(): boolean {
    return this.filter !== "" || this.end !== 0n;
  }

  /** What the rows are: parameters of questions about them. */
  get scope(): Record<string, string> {
    const p: Record<string, string> = {};
    if (this.filter) p.filter = this.filter;
    if (this.end) {
      p.start = String(this.start);
      p.end = String(this.end);
    }
    return p;
  }

  async begin(): Promise<void> {
    this.session = await get<Session>("session");
    setCsrf(this.session.csrf);
    if (this.session.captures) await this.loadCaptures();
    if (this.session.live) this.capture = "live";
    else this.capture = this.captures.at(-1)?.id ?? "";
    this.socket.connect();
  }

  async loadCaptures(): Promise<void> {
    try {
      this.captures = await get<Capture[]>("captures");
    } catch (e) {
      this.say(e);
    }
  }

  say(e: unknown): void {
    if (e instanceof DOMException && e.name === "AbortError") return;
    this.notice = e instanceof Error ? e.message : String(e);
  }

  private online(on: boolean): void {
    this.connected = on;
    this.capturing.settle();
    if (!on) {
      this.ahead.forget();
      return;
    }
    this.openView(this.filter, this.start, this.end);
    if (this.wantsStatistics) this.socket.send({ type: "statistics", on: true });
  }

  private takeRows(rows: Rows): void {
    if (rows.view !== this.view) return;
    this.onRevision(rows.revision);
    if (rows.count > 0 && rows.request !== this.request && !this.following) return;
    this.rowsOf = rows.view;
    const first = this.now.total === 0;
    this.now = {
      total: rows.total,
      exact: (rows.flags & EXACT) !== 0,
      done: rows.done,
      skipped: this.following ? rows.skipped : this.now.skipped,
    };
    if (first) this.publish();
    else if (!this.publishing) this.publishing = window.setTimeout(() => this.publish(), TOTALS_EVERY);
    if (!this.now.exact && !this.live) this.countAll();
    this.onRows(rows);
    if (rows.total > 0 || rows.done === 1) this.arrive();
  }

  private publish(): void {
    clearTimeout(this.publishing);
    this.publishing = 0;
    ({ total: this.total, exact: this.exact, done: this.done, skipped: this.skipped } = this.now);
  }

  // The first rows of a stored capture come before all of it has been looked at.
  private async countAll(): Promise<void> {
    if (this.counting) return;
    const c = new AbortController();
    this.counting = c;
    try {
      await get(`captures/${this.capture}/count`, this.scope, c.signal);
      if (!c.signal.aborted) this.onStale();
    } catch (e) {
      this.say(e);
    }
  }

  private takeMessage(m: Message): void {
    if (m.type === "status" && m.status) {
      this.status = m.status;
      this.capturing.is(Boolean(m.status.suspended));
      if (m.status.series) this.series = m.status.series;
      if (m.status.final) {
        this.ended = true;
        this.socket.last();
      }
    } else if (m.type === "statistics" && m.statistics) {
      this.statistics = m.statistics;
    } else if (m.type === "error" && m.error) {
      this.notice = m.error.error;
    } else if (m.type === "view" && m.view === this.wantedView) {
      if (m.error) {
        this.problem = m.error;
        this.refusedView = m.view;
        this.arrive();
      } else this.takeView(m.view);
    }
  }

  private takeView(view: number): void {
    this.counting?.abort();
    this.counting = null;
    this.problem = null;
    this.view = view;
    this.rowsOf = 0;
    ({ filter: this.filter, start: this.start, end: this.end } = this.pending);
    this.now = { total: 0, exact: true, done: 1, skipped: 0 };
    this.publish();
    this.selection.clear();
    this.onView();
  }

  /** Shows other packets. What is shown stays when the filter is wrong. */
  openView(filter: string, start: bigint, end: bigint): void {
    this.pending = { filter, start, end, capture: this.capture };
    this.going = 0;
    this.wantedView++;
    this.socket.send({
      type: "view",
      view: this.wantedView,
      capture: this.capture,
      filter,
      start: String(start),
      end: String(end),
    });
  }

  apply(filter: string): void {
    this.text = filter;
    this.openView(filter.trim(), this.start, this.end);
  }

  range(start: bigint, end: bigint): void {
    this.openView(this.filter, start, end);
  }

  openCapture(id: string): void {
    this.capture = id === this.session?.live_id ? "live" : id;
    this.tab = "packets";
    this.selection.clear();
    this.openView(this.filter, 0n, 0n);
  }

  ask(from: number, count: number, follow: boolean): void {
    this.request++;
    this.socket.send({ type: "window", view: this.view, request: this.request, from, count, follow });
  }

  followed(on: boolean): void {
    this.following = on;
    this.publish();
    this.seen = this.total;
    if (on) this.selection.clear();
  }

  watchStatistics(on: boolean): void {
    this.wantsStatistics = on;
    this.socket.send({ type: "statistics", on });
  }

  /** Shows a packet among all of the capture. */
  goto(n: number): void {
    this.tab = "packets";
    if (this.narrowed) {
      this.text = "";
      this.openView("", 0n, 0n);
    }
    this.jump(n);
  }

  /** Shows a packet, or the nearest one, among those that the filter shows: when a view has
   * just been asked for, among its rows, as soon as they come. */
  jump(n: number): void {
    this.tab = "packets";
    if (this.answered) this.onGoto(n);
    else this.going = n;
  }

  // The first rows of the view that was last asked for have come.
  private get answered(): boolean {
    return (
      (this.wantedView === this.view || this.wantedView === this.refusedView) && this.rowsOf === this.view
    );
  }

  private arrive(): void {
    if (!this.answered) return; // rows of the view before are still coming
    const n = this.going;
    this.going = 0;
    setTimeout(() => {
      if (n) this.onGoto(n);
      this.ahead.catchUp();
    });
  }
}

export const page = new Page();
