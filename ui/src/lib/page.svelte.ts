import {
  type Analysis,
  ApiError,
  type Capture,
  type Detail,
  get,
  type Ledger,
  type Problem,
  type Session,
  type Stream,
  setCsrf,
  write,
} from "./api";
import { type Key, type Language, preferred, translate } from "./i18n";
import { EXACT, Rows } from "./rows";

// The state of the page. One socket; the newest window of rows goes to the grid without
// passing through here.

export type Tab = "packets" | "streams" | "flows" | "statistics" | "findings" | "captures";

export interface Status {
  started: string;
  taken: string;
  final: boolean;
  capture: { interfaces: string[] | null; filter: string; archive: string };
  rate: { packets: number; bits: number };
  drop_rate: number;
  dropped: number;
  packets: number;
  bytes: number;
  ledger: Ledger | null;
  interfaces: { name: string; state: string; dropped: number }[] | null;
  sinks:
    | {
        name: string;
        target: string;
        state: string;
        rows: number;
        behind: number;
        expired: number;
        error: string;
      }[]
    | null;
  events: { time: string; level: string; text: string }[] | null;
  series?: LiveSeries;
}

export interface LiveSeries {
  start: number;
  width: number;
  points: { packets: number; bytes: number }[] | null;
}

export interface LiveStatistics {
  packets: number;
  bytes: number;
  first: string | null;
  last: string | null;
  protocols: Record<string, { packets: number; bytes: number }>;
  ipv4: { packets: number; bytes: number };
  ipv6: { packets: number; bytes: number };
  non_ip: { packets: number; bytes: number; ethertypes: Record<string, { packets: number; bytes: number }> };
  top_sources: { address: string; packets: number; bytes: number; excess?: number }[];
  top_destinations: { address: string; packets: number; bytes: number; excess?: number }[];
  distinct_sources: number;
  distinct_destinations: number;
  approximate: boolean;
  outcomes: Record<string, number>;
  directions: Record<string, { packets: number; bytes: number }>;
  sizes: { from: number; to: number; packets: number; bytes: number }[];
}

type Theme = "dark" | "light";

const stored = (key: string) => {
  try {
    return localStorage.getItem(`tarrafa.${key}`);
  } catch {
    return null;
  }
};

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`tarrafa.${key}`, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

export const recall = stored;

class Page {
  session = $state.raw<Session | null>(null);
  connected = $state(false);
  ended = $state(false);
  closing = $state(false);
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
  total = $state(0);
  exact = $state(true);
  done = $state(1);
  skipped = $state(0);
  seen = $state(0); // total when following stopped
  status = $state.raw<Status | null>(null);
  series = $state.raw<LiveSeries | null>(null);
  statistics = $state.raw<LiveStatistics | null>(null);
  selected = $state(-1); // position
  detail = $state.raw<Detail | null>(null);
  detailError = $state("");
  analysis = $state.raw<Analysis | null>(null);
  analysing = $state(false);
  analysisError = $state("");
  private analysed = ""; // capture that analysis is of
  stream = $state.raw<Stream | null>(null);
  streaming = $state(false);
  streamError = $state("");
  dialog = $state<"" | "help" | "goto" | "export" | "close" | "delete">("");
  notice = $state("");
  language = $state<Language>((stored("language") as Language) || preferred(navigator.languages));
  theme = $state<Theme>(
    (stored("theme") as Theme) || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"),
  );

  onRows: (rows: Rows) => void = () => {};
  onView: () => void = () => {};
  private socket: WebSocket | null = null;
  private view = 0;
  private request = 0;
  private cursor = { from: 0, count: 0, follow: true };
  private wantsStatistics = false;
  private pending = { filter: "", start: 0n, end: 0n, capture: "" };
  private retry = 250;
  private fetching: AbortController | null = null;

  t = (key: Key, values?: Record<string, string | number>): string => translate(this.language, key, values);

  get live(): boolean {
    return this.capture === "live";
  }

  get fresh(): number {
    return this.following ? 0 : Math.max(0, this.total - this.seen);
  }

  async begin(): Promise<void> {
    this.session = await get<Session>("session");
    setCsrf(this.session.csrf);
    if (this.session.captures) await this.loadCaptures();
    if (this.session.live) this.capture = "live";
    else this.capture = this.captures.at(-1)?.id ?? "";
    this.connect();
  }

  async loadCaptures(): Promise<void> {
    try {
      this.captures = await get<Capture[]>("captures");
    } catch (e) {
      this.say(e);
    }
  }

  say(e: unknown): void {
    this.notice = e instanceof Error ? e.message : String(e);
  }

  private connect(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const s = new WebSocket(`${scheme}://${location.host}/api/v1/ws`);
    s.binaryType = "arraybuffer";
    this.socket = s;
    s.onopen = () => {
      this.connected = true;
      this.retry = 250;
      this.openView(this.filter, this.start, this.end);
      if (this.wantsStatistics) this.send({ type: "statistics", on: true });
    };
    s.onmessage = (m) => (m.data instanceof ArrayBuffer ? this.takeRows(m.data) : this.takeMessage(m.data));
    s.onclose = (e) => {
      this.connected = false;
      if (e.code === 1001 || this.ended) {
        this.ended = true;
        return;
      }
      setTimeout(() => this.connect(), this.retry);
      this.retry = Math.min(5000, this.retry * 2);
    };
  }

  private send(v: unknown): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(v));
  }

  private takeRows(data: ArrayBuffer): void {
    const rows = new Rows(data);
    if (rows.view !== this.view) return;
    if (this.going && rows.total > 0) {
      const n = this.going;
      this.going = 0;
      setTimeout(() => this.onGoto(n));
    }
    if (rows.count === 0 || rows.request === this.request || this.following) {
      this.total = rows.total;
      this.exact = (rows.flags & EXACT) !== 0;
      this.done = rows.done;
      if (this.following) this.skipped = rows.skipped;
      this.onRows(rows);
    }
  }

  private takeMessage(text: string): void {
    const m = JSON.parse(text) as {
      type: string;
      view?: number;
      error?: Problem;
      status?: Status;
      statistics?: LiveStatistics;
    };
    if (m.type === "status" && m.status) {
      this.status = m.status;
      if (m.status.series) this.series = m.status.series;
      if (m.status.final) this.ended = true;
    } else if (m.type === "statistics" && m.statistics) {
      this.statistics = m.statistics;
    } else if (m.type === "error" && m.error) {
      this.notice = m.error.error;
    } else if (m.type === "view" && m.view === this.wantedView) {
      if (m.error) {
        this.problem = m.error;
        return;
      }
      this.problem = null;
      this.view = m.view;
      this.filter = this.pending.filter;
      this.start = this.pending.start;
      this.end = this.pending.end;
      this.total = 0;
      this.skipped = 0;
      this.selected = -1;
      this.detail = null;
      this.onView();
    }
  }

  private wantedView = 0;

  /** Shows other packets. What is shown stays when the filter is wrong. */
  openView(filter: string, start: bigint, end: bigint): void {
    this.pending = { filter, start, end, capture: this.capture };
    this.wantedView++;
    this.send({
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
    if (id === this.session?.live_id) id = "live";
    this.capture = id;
    this.tab = "packets";
    this.openView(this.filter, 0n, 0n);
  }

  ask(from: number, count: number, follow: boolean): void {
    this.request++;
    this.cursor = { from, count, follow };
    this.send({ type: "window", view: this.view, request: this.request, ...this.cursor });
  }

  followed(on: boolean): void {
    this.following = on;
    this.seen = this.total;
    if (on) {
      this.selected = -1;
      this.detail = null;
    }
  }

  watchStatistics(on: boolean): void {
    this.wantsStatistics = on;
    this.send({ type: "statistics", on });
  }

  async show(position: number, number: number): Promise<void> {
    this.selected = position;
    this.fetching?.abort();
    this.fetching = new AbortController();
    try {
      const d = await get<Detail>(`captures/${this.capture}/packets/${number}`, {}, this.fetching.signal);
      if (this.selected === position) {
        this.detail = d;
        this.detailError = "";
      }
    } catch (e) {
      if (e instanceof DOMException) return;
      this.detail = null;
      this.detailError = e instanceof ApiError ? e.problem.error : String(e);
    }
  }

  async loadAnalysis(): Promise<void> {
    if (this.analysing) return;
    if (this.analysed !== this.capture) this.analysis = null;
    const id = this.capture;
    this.analysing = true;
    this.analysisError = "";
    try {
      const a = await get<Analysis>(`captures/${id}/analysis`);
      if (id === this.capture) {
        this.analysis = a;
        this.analysed = id;
      }
    } catch (e) {
      this.analysisError = e instanceof Error ? e.message : String(e);
    } finally {
      this.analysing = false;
    }
  }

  /** Shows the conversation that a packet belongs to. */
  async follow(packet: number): Promise<void> {
    this.tab = "streams";
    this.stream = null;
    this.streaming = true;
    this.streamError = "";
    try {
      this.stream = await get<Stream>(`captures/${this.capture}/stream`, { packet: String(packet) });
    } catch (e) {
      this.streamError = e instanceof Error ? e.message : String(e);
    } finally {
      this.streaming = false;
    }
  }

  onGoto: (n: number) => void = () => {};
  private going = 0;

  /** Shows a packet among all of the capture. */
  goto(n: number): void {
    this.tab = "packets";
    if (this.filter === "" && this.end === 0n) {
      this.onGoto(n);
      return;
    }
    this.going = n;
    this.text = "";
    this.openView("", 0n, 0n);
  }

  async stop(): Promise<void> {
    this.closing = true;
    try {
      await write("POST", "stop");
    } catch (e) {
      this.closing = false;
      this.say(e);
    }
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    keep("theme", theme);
  }

  setLanguage(language: Language): void {
    this.language = language;
    keep("language", language);
  }
}

export const page = new Page();
