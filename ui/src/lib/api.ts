// The server's JSON interface. Every path is on the page's own origin.

export interface Problem {
  error: string;
  code: string;
  position?: number;
  end?: number;
  expected?: string;
  candidates?: string[];
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.error);
  }
}

export interface Session {
  csrf: string;
  version: string;
  live: boolean;
  live_id?: string;
  can_stop: boolean;
  can_suspend: boolean;
  captures: boolean;
  analysis: boolean;
  dissector?: string; // sharkd's version
}

export interface Note {
  marked: boolean;
  comment: string;
}

export interface Notes {
  revision: number;
  writable: boolean;
  why: string;
  capture: Note;
  packets: (Note & { number: number })[];
  limit: number;
  refused: number;
}

export interface Located {
  found: boolean;
  number: number;
  position: number;
  exact: boolean;
}

/** The answer of search and neighbour. */
export interface Hit {
  found: boolean;
  done: boolean;
  number: number;
  position: number;
  offset: number;
  length: number;
  searched: number;
  resume: number;
}

export interface Names {
  names: Record<string, { name: string; expired: boolean }>;
  complete: boolean;
  flows: Record<string, string>;
  flows_behind: number;
}

export interface Times {
  count: number;
  min_ns: number;
  mean_ns: number;
  p50_ns: number;
  p90_ns: number;
  p99_ns: number;
  max_ns: number;
  buckets: { below_ns: number; count: number }[] | null;
}

export interface Health {
  packets: number;
  flows: number;
  tcp_flows: number;
  resets: number;
  flags: { name: string; filter: string; packets: number }[] | null;
  states: Record<string, number> | null;
  rtt: Times;
  initial_rtt: Times;
}

export interface DissectionNode {
  name: string;
  field?: string;
  offset: number;
  length: number;
  source?: number;
  severity?: string;
  hidden?: boolean;
  generated?: boolean;
  nodes?: DissectionNode[];
}

export interface Dissection {
  program: string;
  protocol: string;
  info: string;
  preceding: number;
  tree: DissectionNode[];
  more: boolean;
}

export interface Amount {
  packets: number;
  bytes: number;
}

export interface Ledger {
  received: number;
  dropped_by_kernel: number;
  skipped: number;
  delivered: number;
  truncated: number;
  suspended_ns?: number; // how long no packets were taken, as the reader had stopped the capture
  written: number;
  written_bytes: number;
  lost: number;
  followers:
    | { name: string; applied: number; behind: number; expired: number; limits?: Record<string, number> }[]
    | null;
}

export interface Capture {
  id: string;
  name: string;
  state: string;
  started: string;
  ended?: string;
  interfaces: string[] | null;
  filter: string;
  packets: number;
  bytes: number;
  ledger?: Ledger;
  live: boolean;
  marked?: boolean;
  comment?: string;
  notes?: number; // packets that have one
}

export interface Totals extends Amount {
  first: number;
  last: number;
  ipv4: Amount;
  ipv6: Amount;
  non_ip: Amount;
  protocols: Record<string, Amount>;
  outcomes: Record<string, number>;
}

export interface Top {
  field: string;
  rows: (Amount & { value: string })[];
  distinct: number;
  approximate: boolean;
}

export interface Series {
  start: number;
  bucket: number;
  points: Amount[] | null;
}

export interface TreeNode {
  name: string;
  field?: string;
  value?: string;
  offset: number;
  length: number;
  warn?: boolean;
  nodes?: TreeNode[];
}

export interface Detail {
  number: number;
  time: string;
  direction: string;
  src: string;
  dst: string;
  sport: number;
  dport: number;
  protocol: string;
  length: number;
  captured: number;
  payload_offset: number;
  payload_length: number;
  payload_hash: string;
  comments: string[];
  note?: Note;
  interface: string;
  data: string;
  tree: TreeNode[];
}

export interface Half {
  packets: number;
  bytes: number;
  payload: number;
  retransmissions: number;
}

export interface Flow {
  flow: number;
  protocol: string;
  client: string;
  client_port: number;
  server: string;
  server_port: number;
  first_packet: number;
  start: string;
  duration_ns: number;
  conn_state: string;
  history: string;
  initial_rtt_ns?: number;
  app?: string;
  name?: string;
  host?: string;
  from_client: Half;
  from_server: Half;
}

export interface Finding {
  id: number;
  kind: string;
  severity: "info" | "warning" | "serious";
  first: string;
  count: number;
  sentence: string; // in English
  key: string; // of the sentence in the catalogues
  args: Record<string, string>;
  evidence: number[] | null;
}

export interface Analysis {
  packets: number;
  flow_count: number;
  forced: number;
  flows: Flow[];
  findings: Finding[];
}

export interface Stream {
  protocol: string;
  client: string;
  client_port: number;
  server: string;
  server_port: number;
  filter: string;
  packets: number;
  bytes: [number, number];
  gaps: number;
  gap_bytes: number;
  more: boolean;
  pieces: { from_client: boolean; packet: number; time: string; data?: string; gap?: number }[];
}

let csrf = "";

export function setCsrf(value: string): void {
  csrf = value;
}

export async function get<T>(
  path: string,
  params: Record<string, string> | [string, string][] = {},
  signal?: AbortSignal,
): Promise<T> {
  const list = Array.isArray(params) ? params : Object.entries(params);
  const query = new URLSearchParams(list.filter(([, v]) => v !== "")).toString();
  const r = await fetch(`/api/v1/${path}${query ? `?${query}` : ""}`, { signal, credentials: "same-origin" });
  if (!r.ok) throw await problem(r);
  return r.json() as Promise<T>;
}

export async function write(method: string, path: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { "X-Tarrafa-Csrf": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const r = await fetch(`/api/v1/${path}`, {
    method,
    credentials: "same-origin",
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!r.ok) throw await problem(r);
  return r;
}

async function problem(r: Response): Promise<ApiError> {
  const type = r.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/json")) return new ApiError((await r.json()) as Problem);
  return new ApiError({ error: (await r.text()).trim() || r.statusText, code: String(r.status) });
}
